/** One option of a command: how its text is read, and what the help says. */
export interface OptionSpec<T = unknown> {
  /** What stands for the value in the help; a switch has none. */
  readonly placeholder?: string;
  /** A letter that stands for the name. */
  readonly short?: string;
  readonly about: string;
  /** The values that are accepted, as messages say it; absent where any text is. */
  readonly expected?: string;
  /** Bounds of a number, as the help says them. */
  readonly range?: string;
  /** What holds without the option, as the help says it. */
  readonly fallback?: string;
  /**
   * @param before the value of an earlier occurrence
   * @returns undefined if the word is refused
   */
  read(word: string, before: T | undefined): T | undefined;
}

/** Options by the camelCase form of their names. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** What was given on the command line. */
export type OptionValues<O extends OptionSpecs> = {
  -readonly [K in keyof O]?: O[K] extends OptionSpec<infer T> ? T : never;
};

/** What a command accepts, as data: it is parsed by and the help is made from it. */
export interface CommandSpec<O extends OptionSpecs = OptionSpecs> {
  readonly name: string;
  readonly about: string;
  /** The one word a command needs besides options. */
  readonly operand?: {
    readonly placeholder: string;
    readonly about: string;
    /** What to do instead of giving several, as a message goes on. */
    readonly cure: string;
  };
  readonly options: O;
  /** Paragraphs below the options. */
  readonly notes: readonly string[];
}

/** Says yes. */
export function flag(about: string): OptionSpec<boolean> {
  return { about, read: () => true };
}

/** Any text; the last one counts. */
export function text(
  placeholder: string,
  spec: { about: string; short?: string; fallback?: string },
): OptionSpec<string> {
  return { placeholder, ...spec, read: (value) => value };
}

/** An option that may be given several times; every value counts. */
export function repeated<T>(option: OptionSpec<T>): OptionSpec<T[]> {
  return {
    ...option,
    about: `${option.about}; repeatable`,
    read(word, before = []) {
      const value = option.read(word, undefined);
      return value === undefined ? undefined : [...before, value];
    },
  };
}

/** An adapter, and behind its last `@` what it is multiplied by, where that is a number. */
export function adapter(spec: { about: string }): OptionSpec<{ source: string; scale: number }> {
  return {
    placeholder: 'PATH[@SCALE]',
    expected: 'a path or an address, and behind an @ a scale in -1000..1000',
    ...spec,
    read(word) {
      const [, source = word, scale = '1'] = /^(.+)@([+-]?(?:\d+\.?\d*|\.\d+))$/.exec(word) ?? [];
      const isMet = source !== '' && Math.abs(Number(scale)) <= 1000;
      return isMet ? { source, scale: Number(scale) } : undefined;
    },
  };
}

/** A name and its value: JSON, or else text. */
export function assignment(spec: { about: string }): OptionSpec<readonly [string, unknown]> {
  return {
    placeholder: 'NAME=VALUE',
    ...spec,
    read(word) {
      const [, name, value] = /^([^=]+)=([^]*)$/.exec(word) ?? [];
      return name === undefined ? undefined : [name, jsonOrText(value!)];
    },
  };
}

function jsonOrText(value: string): unknown {
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

/** One of some words. */
export function choice<const W extends string>(
  words: readonly W[],
  spec: { about: string; fallback?: NoInfer<W> },
): OptionSpec<W> {
  const read = (value: string) => words.find((word) => word === value);
  return { placeholder: words.join('|'), expected: words.join(' or '), ...spec, read };
}

/** Bounds of a number, both included; without `max`, whatever a number can hold. */
export interface NumberSpec {
  readonly about: string;
  readonly short?: string;
  readonly fallback?: string;
  readonly min: number;
  readonly max?: number;
}

/** A whole number. */
export function integer(spec: NumberSpec): OptionSpec<number> {
  return numeric('N', 'an integer', Number.isSafeInteger, spec);
}

/** A word, or what another option reads. */
export function wordOr<const W extends string, T>(
  word: W,
  option: OptionSpec<T>,
): OptionSpec<W | T> {
  const { placeholder = '', expected = 'a value' } = option;
  return {
    ...option,
    placeholder: `${word}|${placeholder}`,
    expected: `${word} or ${expected}`,
    fallback: word,
    read: (value) => (value === word ? word : option.read(value, undefined)),
  };
}

/** A number with a fraction. */
export function number(spec: NumberSpec): OptionSpec<number> {
  return numeric('X', 'a number', Number.isFinite, spec);
}

/** Units of bytes: `kB` is 1000, `KiB` 1024. */
const UNITS = ['', 'k', 'm', 'g'];

/** A number of bytes with or without a unit, a fraction of which is cut off. */
export function bytes(spec: NumberSpec & { range: string; max: number }): OptionSpec<number> {
  const { min, max, ...rest } = spec;
  return {
    placeholder: 'SIZE',
    ...rest,
    expected: `a size in ${spec.range}, such as 128MB or 1GiB`,
    read(word) {
      const [, value, unit = '', binary] =
        /^(\d+\.?\d*|\.\d+) ?(?:([kmg]?)(i?)b)?$/i.exec(word) ?? [];
      const factor = (binary ? 1024 : 1000) ** UNITS.indexOf(unit.toLowerCase());
      const size = value === undefined ? Number.NaN : Math.floor(Number(value) * factor);
      return size >= min && size <= max ? size : undefined;
    },
  };
}

function numeric(
  placeholder: string,
  kind: string,
  isKind: (value: number) => boolean,
  { min, max = Infinity, ...spec }: NumberSpec,
): OptionSpec<number> {
  const isBounded = max < Infinity;
  const range = isBounded ? `${min}..${max}` : `>= ${min}`;
  return {
    placeholder,
    ...spec,
    range,
    expected: `${kind} ${isBounded ? 'in ' : ''}${range}`,
    read(word) {
      const value = DECIMAL.test(word) ? Number(word) : Number.NaN;
      return isKind(value) && value >= min && value <= max ? value : undefined;
    },
  };
}

/** Number() would also take '', ' 1', '0x10' and 'Infinity'. */
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
