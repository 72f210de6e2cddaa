import { parseArguments, type ParsedArguments } from '../arguments.ts';
import type { ExitCode } from '../exit.ts';
import type { Host } from '../terminal/host.ts';
import type { CommandSpec, OptionSpecs } from '../command-spec.ts';

/** A command of `tpa`. */
export interface Command {
  readonly spec: CommandSpec;
  /** @throws UsageError, TpaError */
  run(args: readonly string[], host: Host): Promise<ExitCode>;
}

/** Joins what a command accepts with what it does. */
export function command<O extends OptionSpecs>(
  spec: CommandSpec<O>,
  act: (given: ParsedArguments<O>, host: Host) => Promise<ExitCode>,
): Command {
  return { spec, run: (args, host) => act(parseArguments(spec, args), host) };
}
