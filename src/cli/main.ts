#!/usr/bin/env node
// The program `torpor`: ties the command line to this process. Everything else is program.ts's and the commands'.
import { once } from 'node:events';
import { fstatSync, writeSync } from 'node:fs';
import { packageVersion } from '../package-version.ts';
import { errorText } from '../platform/errors.ts';
import { InheritedSockets } from '../streams/inherited-sockets.ts';
import { keepYoungHeapSmall } from '../young-heap.ts';
import type { CliIo, StopSignal } from './cli-io.ts';
import { LogOutput, type LogOutputOptions } from './log-output.ts';
import { PatientTerminal } from './patient-terminal.ts';
import { serviceManager } from './service-manager.ts';
import { findFormer, spawnSuccessor } from './torpor-kin.ts';

// Before the program is loaded, for which it would grow; what has grown stays.
keepYoungHeapSmall();
const { reportError, runCli } = await import('./program.ts');

/** What may still run after a command is done, before the process is ended anyway. */
const LINGER_MS = 2000;
/** As shells count a program that SIGPIPE (13) ended. */
const EXIT_PIPE = 141;
const STOP_SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM'];

/** A log is written there by a program with clients to carry. */
let carriesLog = false;

const log = new LogOutput({ write: logWriter(), tell: (text) => void process.stderr.write(text) });

function logWriter(): LogOutputOptions['write'] {
  const { fd, isTTY } = process.stdout;
  const status = fstatSync(fd);
  if (isTTY) {
    const terminal = PatientTerminal.open(fd, onOutputError);
    if (terminal !== null) return (text, done) => terminal.write(text, done);
  }
  if (isTTY || !(status.isFile() || status.isCharacterDevice()))
    return (text, done) => void process.stdout.write(text, done);
  // Node's stream of a file ends with the first error; a full disk has room again some day.
  return (text, done) => {
    try {
      writeSync(fd, text);
    } catch (error) {
      return done(error as Error);
    }
    done();
  };
}

const io: CliIo = {
  version: packageVersion(),
  env: process.env,
  outIsTerminal: process.stdout.isTTY === true,
  errIsTerminal: process.stderr.isTTY === true,
  inIsTerminal: process.stdin.isTTY === true,
  outSize: () => ({ columns: process.stdout.columns ?? 80, rows: process.stdout.rows ?? 24 }),
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  logOut: (text) => {
    carriesLog = true;
    log.write(text);
  },
  input: () => process.stdin,
  outBytes: async (bytes) => {
    if (!process.stdout.write(bytes)) await once(process.stdout, 'drain');
  },
  onStopSignal: (listener) => {
    for (const signal of STOP_SIGNALS) process.on(signal, listener);
    return () => {
      for (const signal of STOP_SIGNALS) process.off(signal, listener);
    };
  },
  onReloadSignal: (listener) => {
    process.on('SIGHUP', listener);
    return () => process.off('SIGHUP', listener);
  },
  onHandOverSignal: (listener) => {
    process.on('SIGUSR2', listener);
    return () => process.off('SIGUSR2', listener);
  },
  inheritedSockets: () => InheritedSockets.take(process.env, process.pid),
  former: findFormer(process.env),
  service: serviceManager(process.env),
  startSuccessor: (sockets, flowSockets) => spawnSuccessor(process.argv.slice(1), sockets, flowSockets),
  exitNow: (code) => process.exit(code),
  loadRunTorpor: async () => (await import('../compose.ts')).runTorpor,
  loadPlayDemo: async () => (await import('../demo/play-demo.ts')).playDemo,
};

// `torpor events | head` closes the pipe early: that ends the program, quietly. `torpor run | tee FILE` goes on, and stops in order when
// Ctrl-C ends `tee` first; where its terminal is gone nobody could stop it any more.
process.stdout.on('error', onOutputError);
function onOutputError(error: NodeJS.ErrnoException): void {
  if (carriesLog && !io.outIsTerminal) return;
  if (error.code === 'EPIPE') process.exit(EXIT_PIPE);
  io.err(`torpor: what it prints cannot be written: ${errorText(error)}\n`);
  process.exit(1);
}
// There is nobody left to tell.
process.stderr.on('error', () => {});
process.on('uncaughtException', (error) => process.exit(reportError(error, io)));

process.exitCode = await runCli(process.argv.slice(2), io);
setTimeout(() => process.exit(), LINGER_MS).unref();
