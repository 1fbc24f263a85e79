// `torpor bmc`: one BMC by itself, without a platform around it.
import type { Command } from 'commander';
import type { CliIo } from '../cli-io.ts';
import { addBmcPowerCommand } from './bmc-power.ts';
import { addBmcSelCommand } from './bmc-sel.ts';
import { addBmcSimCommand } from './bmc-sim.ts';

export function addBmcCommands(program: Command, io: CliIo): void {
  const bmc = program.command('bmc').description('speak to one BMC, or simulate one');
  addBmcPowerCommand(bmc, io);
  addBmcSelCommand(bmc, io);
  addBmcSimCommand(bmc, io);
}
