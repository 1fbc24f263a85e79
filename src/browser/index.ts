// What `torpor/browser` gives a page: a WebSocket that compresses, and the stream core itself.
export type { CoreAbi } from '../core/abi.ts';
export { TorporError, type TorporErrorCode } from '../platform/errors.ts';
export { TUNNEL_SUBPROTOCOL } from '../tunnel/tunnel-message.ts';
export { type LoadCoreOptions, loadCore } from './load-core.ts';
export { prepareSockets } from './page-codec.ts';
export { TorporSocket, type TorporSocketTraffic } from './torpor-socket.ts';
