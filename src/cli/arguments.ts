import { parseArgs } from 'node:util';
import { nearest } from '../base/nearest.ts';
import type { CommandSpec, OptionSpec, OptionSpecs, OptionValues } from './command-spec.ts';
import { type ExitCode, shown, UsageError } from './exit.ts';
import type { Host } from './terminal/host.ts';

/** A command line, checked. */
export interface ParsedArguments<O extends OptionSpecs> {
  readonly values: OptionValues<O>;
  /** '' for a command that has none. */
  readonly operand: string;
}

/** `maxTokens` as it is typed: `max-tokens`. */
export function optionName(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Whether one of some options is among the words, whatever else they say. */
export function asksFor(args: readonly string[], ...options: readonly string[]): boolean {
  const end = args.indexOf('--');
  const words = end < 0 ? args : args.slice(0, end);
  return options.some((option) => words.includes(option));
}

/**
 * Reads the words after the name of a command.
 *
 * @throws UsageError for the first word that is not accepted, naming it and what would be
 */
export function parseArguments<O extends OptionSpecs>(
  spec: CommandSpec<O>,
  args: readonly string[],
): ParsedArguments<O> {
  const specs = new Map(
    Object.entries(spec.options).map(([key, option]) => [optionName(key), { key, option }]),
  );
  const letters = Object.values(spec.options).flatMap(({ short }) => short ?? []);
  const shorts = new Set(letters.map((letter) => `-${letter}`));
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Array.from(specs, ([name, { option }]) => [
        name,
        {
          type: option.placeholder === undefined ? 'boolean' : 'string',
          ...(option.short === undefined ? {} : { short: option.short }),
        } as const,
      ]),
    ),
    strict: false, // its messages are sentences, and know no nearest option
    allowPositionals: true,
    tokens: true,
  });

  const values: Record<string, unknown> = {};
  const operands: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value);
    if (token.kind !== 'option') continue;
    const known = specs.get(token.name);
    const word = args[token.index]!.replace(/=[^]*/, '');
    const isName = word.startsWith('--') || shorts.has(word.slice(0, 2));
    // `-model` would read as `-m odel`; who writes it means `--model`.
    if (known === undefined || !isName || specs.has(word.replace(/^-(?!-)/, ''))) {
      const names = Array.from(specs.keys(), (name) => `--${name}`);
      throw unknown('option', word, names);
    }
    const { key, option } = known;
    const { rawName, inlineValue = false } = token;
    const value = rawName.startsWith('--') ? token.value : token.value?.replace(/^=/, '');
    // `--model --json`: a forgotten value, not a directory of that name.
    const isForgotten = !inlineValue && (value?.startsWith('--') || shorts.has(value ?? ''));
    if (isForgotten) {
      const hint = `nothing; --${token.name}=... takes ${shown(value!)} as the value`;
      throw refusal(option, rawName, hint);
    }
    values[key] = readOption(option, rawName, value, values[key]);
  }
  return { values: values as OptionValues<O>, operand: oneOperand(spec, operands) };
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

/** The error of a word that is none of the known ones. */
export function unknown(what: string, word: string, known: readonly string[]): UsageError {
  const meant = completed(word, known) ?? nearest(word, known);
  const hint = meant === undefined ? `expected ${known.join(', ')}` : `did you mean "${meant}"?`;
  return new UsageError(`unknown ${what} ${shown(word)}, ${hint}`);
}

/** The one known word that begins with a word, or that it begins with: `--temp`, `--output`. */
function completed(word: string, known: readonly string[]): string | undefined {
  const [only, ...others] = known.filter((one) => one.startsWith(word) || word.startsWith(one));
  return others.length === 0 ? only : undefined;
}

function readOption(
  option: OptionSpec,
  name: string,
  value: string | undefined,
  before: unknown,
): unknown {
  if (option.placeholder === undefined) {
    if (value !== undefined) throw refusal(option, name, shown(value));
    return option.read('', before);
  }
  if (value === undefined) throw refusal(option, name, 'nothing');
  const read = option.read(value, before);
  if (read === undefined) throw refusal(option, name, shown(value));
  return read;
}

function refusal(option: OptionSpec, name: string, got: string): UsageError {
  const expected = option.expected ?? option.placeholder ?? 'no value';
  return new UsageError(`"${name}" expected ${expected}, got ${got}`);
}

function oneOperand(spec: CommandSpec, operands: readonly string[]): string {
  const { name, operand, options } = spec;
  if (operand === undefined) {
    if (operands.length === 0) return '';
    const hint = 'model' in options ? '; a model is named with --model' : '';
    throw new UsageError(`${name} expected options only, got ${shown(operands[0]!)}${hint}`);
  }
  if (operands.length === 1) return operands[0]!;
  const found = operands.length === 0 ? 'none' : `${operands.length}: ${operand.cure}`;
  throw new UsageError(`${name} expected one ${operand.placeholder}, got ${found}`);
}
