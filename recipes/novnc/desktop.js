// The page's script: gives noVNC a TorporSocket as its channel, and says what that carried. Both packages as npm installs them, beside this file.
import RFB from './node_modules/@novnc/novnc/core/rfb.js';
import { TorporSocket, TUNNEL_SUBPROTOCOL } from './node_modules/torpor/dist/browser/index.js';

const byId = (id) => document.getElementById(id);
const REFRESH_MS = 500;

byId('listener').value = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.hostname}:6080/`;

/** The connection that the page shows; one before it says nothing any more. */
let shown = null;

function connect() {
  shown?.disconnect();
  byId('screen').replaceChildren();
  const socket = new TorporSocket(byId('listener').value);
  const rfb = new RFB(byId('screen'), socket, { shared: true });
  shown = rfb;
  rfb.compressionLevel = Number(byId('packing').value);
  const say = (text) => {
    if (rfb === shown) byId('state').textContent = text;
  };
  say('connecting');
  rfb.addEventListener('connect', () => {
    say(socket.protocol === TUNNEL_SUBPROTOCOL ? 'connected, compressed' : 'connected, as it is');
  });
  rfb.addEventListener('credentialsrequired', () => rfb.sendCredentials({ password: byId('password').value }));
  rfb.addEventListener('securityfailure', ({ detail }) => say(`refused: ${detail.reason ?? detail.status}`));

  const showTraffic = () => {
    if (rfb !== shown) return;
    const { receivedBytes, receivedCodedBytes, sentBytes, sentCodedBytes } = socket.traffic;
    byId('traffic').textContent =
      `${receivedBytes} bytes of screen came as ${receivedCodedBytes}, ${sentBytes} of input went as ${sentCodedBytes}`;
  };
  const timer = setInterval(showTraffic, REFRESH_MS);
  rfb.addEventListener('disconnect', ({ detail }) => {
    clearInterval(timer);
    showTraffic();
    say(detail.clean ? 'disconnected' : 'the connection was lost');
  });
}

byId('connect').addEventListener('submit', (event) => {
  event.preventDefault();
  connect();
});
document.querySelector('#connect button').disabled = false;
