// The bridge against Debian's mosquitto: users, TLS, retained states, discovery, the will, a broker that comes back.
import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MqttBridge } from '../../src/integrations/mqtt-bridge.ts';
import { MqttConnection } from '../../src/integrations/mqtt-connection.ts';
import { systemClock } from '../../src/system-clock.ts';
import { FakeFarm } from '../api/fakes/fake-farm.ts';
import { Stage } from '../e2e/support/stage.ts';
import { eventually } from '../support/eventually.ts';
import { KeptLog } from '../support/kept-log.ts';
import { freePort } from '../support/ports.ts';
import { describeWhere, findProgram, requires } from '../support/requirements.ts';
import { spawnTied } from '../support/spawn-tied.ts';
import { TempFolder } from '../support/temp-folder.ts';

const USER = { user: 'torpor', password: 'otter-41' };

describeWhere(requires(['mosquitto', 'mosquitto_passwd', 'openssl']), 'MQTT beside mosquitto', () => {
  let folder: TempFolder;
  let broker: ChildProcess | null;
  let port: number;
  let tlsPort: number;
  let log: KeptLog;
  let farm: FakeFarm;
  const started: Array<{ stop(): Promise<void> }> = [];

  beforeEach(async () => {
    folder = new TempFolder('mqtt');
    port = await freePort();
    tlsPort = await freePort();
    log = new KeptLog();
    farm = new FakeFarm();
    writeFileSync(folder.file('users'), '');
    execFileSync(findProgram('mosquitto_passwd') as string, ['-b', folder.file('users'), USER.user, USER.password], {
      stdio: 'pipe',
    });
    const key = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    execFileSync('openssl', [...key, ...names, '-keyout', folder.file('key'), '-out', folder.file('cert')], {
      stdio: 'pipe',
    });
    const common = `allow_anonymous false\npassword_file ${folder.file('users')}\nuser root\n`;
    const tls = `listener ${tlsPort} 127.0.0.1\ncertfile ${folder.file('cert')}\nkeyfile ${folder.file('key')}\n`;
    writeFileSync(folder.file('broker.conf'), `${common}listener ${port} 127.0.0.1\n${tls}`);
    broker = await startBroker();
  });

  afterEach(async () => {
    for (const each of started.splice(0)) await each.stop();
    await endBroker();
    folder.remove();
  });

  async function startBroker(): Promise<ChildProcess> {
    const child = spawnTied(findProgram('mosquitto') as string, ['-c', folder.file('broker.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr?.on('data', (text) => {
      said += text;
    });
    await eventually('the broker', () => {
      if (!said.includes('running')) throw new Error(said);
      return true;
    });
    return child;
  }

  async function endBroker(): Promise<void> {
    if (broker === null) return;
    broker.kill('SIGKILL');
    await once(broker, 'exit');
    broker = null;
  }

  function bridge(options: object = {}): MqttBridge {
    const made = new MqttBridge({
      ...{ host: '127.0.0.1', port, tls: null, clientId: 'torpor', ...USER, farm },
      ...{ topic: 'torpor', discovery: 'homeassistant', version: '1.2.3', clock: systemClock, log },
      ...options,
    });
    made.start();
    started.push(made);
    return made;
  }

  /** Another client, and the last payload of each topic that it saw. */
  function watcher(topics: readonly string[]): Map<string, string> {
    const seen = new Map<string, string>();
    const will = { topic: 'watcher', payload: '', retain: false };
    const connection = new MqttConnection({
      ...{
        host: '127.0.0.1',
        port,
        tls: null,
        clientId: 'watcher',
        ...USER,
        will,
        topics,
        clock: systemClock,
        log: new KeptLog(),
      },
      onConnected: () => {},
      onMessage: (topic, payload) => void seen.set(topic, payload),
    });
    connection.start();
    started.push({ stop: () => connection.stop(will) });
    return seen;
  }

  test('mosquitto: states and discovery are retained for who comes later; an event changes the state; stop says offline', async () => {
    const made = bridge();
    await eventually('the connection', () => log.lines.some(({ message }) => message.includes('connected')));
    const seen = watcher(['torpor/#', 'homeassistant/#']);
    const [platform] = farm.platforms();
    const name = platform?.name as string;
    // The broker gives what it has kept in an order of its own.
    const kept = [
      ...['torpor/status', `torpor/platform/${name}/state`],
      ...[`homeassistant/sensor/torpor_${name}/power/config`, `homeassistant/button/torpor_${name}/wake/config`],
    ];
    await eventually('everything', () => kept.every((topic) => seen.has(topic)));
    expect(seen.get('torpor/status')).toBe('online');
    expect(JSON.parse(seen.get(`torpor/platform/${name}/state`) as string)).toMatchObject({
      name,
      state: platform?.state,
    });
    const power = JSON.parse(seen.get(`homeassistant/sensor/torpor_${name}/power/config`) as string);
    expect(power).toMatchObject({
      device_class: 'power',
      unit_of_measurement: 'W',
      state_topic: `torpor/platform/${name}/state`,
    });
    expect(power.availability_topic).toBe('torpor/status');
    farm.change(name, { state: 'asleep' });
    farm.emit('it sleeps', 'transition');
    await eventually(
      'the new state',
      () => JSON.parse(seen.get(`torpor/platform/${name}/state`) as string).state === 'asleep',
    );
    await made.stop();
    await eventually('the last word', () => seen.get('torpor/status') === 'offline');
  });

  test('mosquitto: torpor run killed with -9 -> the broker itself says offline', async () => {
    await using stage = await Stage.open();
    const passwordFile = folder.file('mqtt.password');
    writeFileSync(passwordFile, USER.password, { mode: 0o600 });
    stage.configure({ mqtt: { url: `mqtt://127.0.0.1:${port}`, user: USER.user, passwordFile } });
    const torpor = await stage.run();
    const seen = watcher(['torpor/status']);
    await eventually('it to be online', () => seen.get('torpor/status') === 'online');
    await torpor.killNow();
    await eventually('the will', () => seen.get('torpor/status') === 'offline');
  });

  test('mosquitto: "wake" on a command topic -> asked of the farm; anything else is not', async () => {
    bridge();
    const name = farm.platforms()[0]?.name as string;
    const topic = `torpor/platform/${name}/command`;
    const will = { topic: 'button', payload: '', retain: false };
    const button = new MqttConnection({
      ...{
        host: '127.0.0.1',
        port,
        tls: null,
        clientId: 'button',
        ...USER,
        will,
        topics: [],
        clock: systemClock,
        log: new KeptLog(),
      },
      onConnected: () => {},
      onMessage: () => {},
    });
    button.start();
    started.push({ stop: () => button.stop(will) });
    await eventually('the wake', () => {
      button.publish({ topic, payload: 'sleep', retain: false });
      button.publish({ topic, payload: 'wake', retain: false });
      return farm.calls.some((call) => JSON.stringify(call).includes('wake'));
    });
    expect(JSON.stringify(farm.calls)).not.toContain('sleep');
    // Obeyed as it comes, and not again whenever Torpor connects: a platform would wake with each restart of the broker.
    button.publish({ topic, payload: 'wake', retain: true });
    const seen = watcher([topic]);
    await eventually('the broker to have retained it', () => seen.get(topic) === 'wake');
    const [later, laterLog] = [new FakeFarm(), new KeptLog()];
    bridge({ farm: later, clientId: 'later', log: laterLog });
    await eventually('the retained command', () => laterLog.lines.some(({ message }) => /command/.test(message)));
    expect(later.calls).toEqual([]);
    expect(laterLog.lines.some(({ message }) => message.includes('without retain'))).toBe(true);
  });

  test('mosquitto: the broker goes and comes back empty -> everything is told anew', async () => {
    bridge();
    await eventually('the connection', () => log.lines.some(({ message }) => message.includes('connected')));
    await endBroker();
    await eventually('the loss to be noticed', () =>
      log.lines.some(({ message }) => message.includes('no MQTT broker')),
    );
    broker = await startBroker();
    const seen = watcher(['torpor/#']);
    await eventually('the state', () => [...seen.keys()].some((topic) => topic.endsWith('/state')));
    await eventually('it to be online', () => seen.get('torpor/status') === 'online');
  });

  test('mosquitto: over TLS with its authority -> connected; with others -> not, and why', async () => {
    const cert = readFileSync(folder.file('cert'), 'latin1');
    bridge({ host: 'localhost', port: tlsPort, tls: { ca: [cert] } });
    await eventually('the connection', () => log.lines.some(({ message }) => message.includes('connected')));
    const other = new KeptLog();
    bridge({ host: 'localhost', port: tlsPort, tls: { ca: [] }, clientId: 'other', log: other });
    await eventually('the refusal', () => other.lines.some(({ message }) => /certificate/i.test(message)));
    expect(other.lines.some(({ message }) => message.includes('connected'))).toBe(false);
  });

  test('mosquitto: a wrong password -> said in words, without it', async () => {
    bridge({ password: 'wrong-otter' });
    await eventually('the refusal', () =>
      log.lines.some(({ message }) => /may not connect|password is wrong/.test(message)),
    );
    expect(JSON.stringify(log.lines)).not.toContain('wrong-otter');
  });
});
