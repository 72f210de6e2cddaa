import { parseArguments, type ParsedArguments } from '../arguments.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Host } from '../terminal/host.ts';
import type { OptionSpecs } from '../option-spec.ts';

/** What a command accepts, as data: it is parsed by and the help is made from it. */
export interface CommandSpec<O extends OptionSpecs = OptionSpecs> {
  readonly name: string;
  readonly about: string;
  /** The one word a command needs besides options. */
  readonly operand?: { readonly placeholder: string; readonly about: string };
  readonly options: O;
  /** Paragraphs below the options. */
  readonly notes: readonly string[];
}

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
