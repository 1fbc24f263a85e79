// Wakes a platform by magic packets on the right interface. Nothing ever comes back on this way: that it works shows only in a wake.
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { errorText } from '../platform/errors.ts';
import type { Clock, PowerAnswer, WakeProof, WakeSwitch } from '../platform/ports.ts';
import { encodeMagicPacket } from './magic-packet.ts';
import type { PartFinding, PowerPart } from './power-part.ts';

export const WAKE_ON_LAN = 'wake-on-lan';
/** Between two sendings of one request: a switch that has forgotten the port may drop the first. */
const REPEAT_PAUSE_MS = 100;
/** RFC 919: reaches every host of the network that it leaves into. With a source address it leaves by that one's interface. */
const LIMITED_BROADCAST = '255.255.255.255';
/** RFC 4291 section 2.7.1: all nodes of the link. */
const ALL_NODES = 'ff02::1';

export interface WakeOnLanOptions {
  readonly mac: string;
  /** Null: by the routing table. */
  readonly interface: string | null;
  /** An address or a host name; null: everybody on the interface, by IPv4 broadcast and IPv6 all-nodes. */
  readonly address: string | null;
  readonly port: number;
  readonly password: string | null;
  readonly repeats: number;
  readonly clock: Clock;
  /** Default: this machine's. */
  readonly interfaces?: (() => NodeJS.Dict<NetworkInterfaceInfo[]>) | undefined;
}

/** One way out: bound to `from`, sent to `to`. */
interface Route {
  readonly from: string | null;
  readonly to: string;
  readonly family: 'udp4' | 'udp6';
}

type Routes = { readonly routes: readonly Route[] } | { readonly problem: string };

export class WakeOnLan implements PowerPart, WakeSwitch {
  readonly name: string;
  readonly sleep = null;
  readonly reader = null;
  readonly wakeMethods = [WAKE_ON_LAN];
  readonly #options: WakeOnLanOptions;
  readonly #packet: Uint8Array;
  readonly #closing = new AbortController();

  /** Throws ERR_CONFIG_INVALID where the MAC address or the SecureOn password is none. */
  constructor(options: WakeOnLanOptions) {
    this.#options = options;
    this.#packet = encodeMagicPacket(options.mac, options.password);
    this.name = `wake-on-lan ${options.mac}`;
  }

  get wake(): WakeSwitch {
    return this;
  }

  /** Accepted: at least one packet left this machine, which is all that can be seen. Refused: none could be sent. */
  async requestWake(_method: string, signal: AbortSignal): Promise<PowerAnswer> {
    const found = this.#routes();
    if ('problem' in found) return { outcome: 'refused', attempts: [found.problem] };
    const any = AbortSignal.any([signal, this.#closing.signal]);
    const sent = await Promise.all(found.routes.map((route) => this.#sendAlong(route, any)));
    const outcome = sent.some(({ packets }) => packets > 0) ? 'accepted' : 'refused';
    return { outcome, attempts: sent.map(({ words }) => words) };
  }

  async proveWake(): Promise<WakeProof> {
    const found = this.#routes();
    if ('problem' in found) return { proven: false, why: `Wake-on-LAN: ${found.problem}` };
    return { proven: false, needsRecord: true, why: 'nothing comes back on Wake-on-LAN, so only a wake proves it' };
  }

  async inspect(): Promise<readonly PartFinding[]> {
    const subject = WAKE_ON_LAN;
    const found = this.#routes();
    if ('problem' in found) {
      const todo = 'write the interface that leads to the platform: ip -brief address shows them';
      return [{ outcome: 'failed', subject, what: found.problem, todo }];
    }
    const { mac, port, repeats } = this.#options;
    const ways = found.routes.map(routeWords).join(' and ');
    const what = `${mac} ${ways}, port ${port}, ${repeats} times`;
    return [{ outcome: 'ok', subject, what, todo: null }];
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }

  #routes(): Routes {
    const { interface: name, address, interfaces } = this.#options;
    if (name === null) return { routes: [{ from: null, to: address ?? LIMITED_BROADCAST, family: familyOf(address) }] };
    const all = (interfaces ?? networkInterfaces)();
    const own = all[name];
    if (own === undefined) {
      const known = Object.keys(all).join(', ');
      return { problem: `this machine has no interface ${name} that is up and has an address; it has ${known}` };
    }
    const routes = address === null ? broadcastRoutes(name, own) : directedRoutes(name, own, address);
    if (routes.length > 0) return { routes };
    return { problem: `interface ${name} has no address of the family of ${address ?? 'any broadcast'}` };
  }

  async #sendAlong(route: Route, signal: AbortSignal): Promise<{ packets: number; words: string }> {
    const { port, repeats } = this.#options;
    let packets = 0;
    let socket: Socket | null = null;
    try {
      socket = await openSocket(route);
      while (packets < repeats && !signal.aborted) {
        if (packets > 0) await this.#pause(signal);
        await sendOnce(socket, this.#packet, port, route.to);
        packets += 1;
      }
      return { packets, words: `${packets} magic packets sent ${routeWords(route)}, port ${port}; nothing comes back` };
    } catch (thrown) {
      const done = packets === 0 ? 'no magic packet sent' : `only ${packets} magic packets sent`;
      return { packets, words: `${done} ${routeWords(route)}: ${errorText(thrown)}` };
    } finally {
      socket?.close();
    }
  }

  #pause(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const cancel = this.#options.clock.schedule(REPEAT_PAUSE_MS, end);
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
    });
  }
}

function familyOf(address: string | null): Route['family'] {
  return address !== null && isIPv6(address.split('%')[0] as string) ? 'udp6' : 'udp4';
}

/** From each IPv4 address of the interface, since one network may carry several; IPv6 once. */
function broadcastRoutes(name: string, own: readonly NetworkInterfaceInfo[]): Route[] {
  const ipv4 = own.filter(({ family }) => family === 'IPv4');
  const routes: Route[] = ipv4.map(({ address }) => ({ from: address, to: LIMITED_BROADCAST, family: 'udp4' }));
  const hasIpv6 = own.some(({ family }) => family === 'IPv6');
  return hasIpv6 ? [...routes, { from: null, to: `${ALL_NODES}%${name}`, family: 'udp6' }] : routes;
}

/** A link-local destination needs the interface in its own address; a binding does for the others. */
function directedRoutes(name: string, own: readonly NetworkInterfaceInfo[], address: string): Route[] {
  const family = familyOf(address);
  if (family === 'udp6' && /^(fe80|ff02):/i.test(address) && !address.includes('%')) {
    return [{ from: null, to: `${address}%${name}`, family }];
  }
  const from = own.find((each) => (each.family === 'IPv6' ? 'udp6' : 'udp4') === family && !isLinkLocal(each.address));
  return from === undefined ? [] : [{ from: from.address, to: address, family }];
}

function isLinkLocal(address: string): boolean {
  return /^fe80:/i.test(address);
}

function routeWords({ from, to }: Route): string {
  return from === null ? `to ${to}` : `from ${from} to ${to}`;
}

function openSocket({ from, family }: Route): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: family });
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    const ready = () => {
      if (family === 'udp4') socket.setBroadcast(true);
      socket.removeAllListeners('error');
      // Later errors reach the send that caused them.
      socket.on('error', () => {});
      resolve(socket);
    };
    if (from === null) socket.bind(0, ready);
    else socket.bind(0, from, ready);
  });
}

function sendOnce(socket: Socket, packet: Uint8Array, port: number, to: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(packet, port, to, (error) => (error === null ? resolve() : reject(error)));
  });
}
