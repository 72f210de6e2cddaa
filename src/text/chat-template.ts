import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { TpaError } from '../base/errors.ts';
import { strftime } from './strftime.ts';

/** The part of the library that is used; its own declarations do not resolve under nodenext. */
interface Library {
  readonly Environment: new () => { set(name: string, value: unknown): void };
  readonly Interpreter: new (environment: object) => {
    evaluate(node: Node | undefined, environment: object): Value | undefined;
    run(program: object): Value;
  };
  readonly parse: (tokens: readonly Token[]) => object;
  readonly tokenize: (source: string, options: object) => readonly Token[];
}

interface Token {
  readonly type: string;
  readonly value: string;
}

interface Node {
  readonly type: string;
}

interface ForNode extends Node {
  readonly iterable: Node & { readonly lhs?: Node };
}

interface Value {
  readonly type: string;
  readonly value: unknown;
}

const jinja: Library = { Environment, Interpreter, parse, tokenize };

/**
 * Most steps of one rendering, which take one to two seconds; a message takes 20 to 200. Evaluating an
 * expression is a step, an item of a loop four (it makes a scope), and copying STEP_LENGTH
 * characters or items of a value one more. The longest text that may be written is added, so that a
 * template may go through it 16 times.
 */
const MAX_STEPS = 2 ** 19;
const STEPS_PER_ITEM = 4;
/** Published templates nest up to about 30 deep; each level takes three or four frames of stack. */
const MAX_DEPTH = 400;
/** Characters or items that are copied in about the time of a step. */
const STEP_LENGTH = 16;
/** Published templates count messages; what a loop walks costs steps in any case. */
const MAX_RANGE = 2 ** 16;
/** Larger than any count of characters. A filter such as "indent" makes as many as it is told. */
const MAX_INTEGER = 2 ** 24;
/** The deepest templates indent by about 60; the library's time grows with the square of a run. */
const LONG_BLANK = /\s{257}/;

/**
 * A chat template that cannot hang or fill the memory: it comes with the model, so it is as little
 * trusted as the weights.
 */
export interface ChatTemplate {
  /** Text constants of the source. */
  readonly literals: readonly string[];
  /**
   * The text that the template makes of some variables.
   *
   * @param maxLength UTF-16 units of the text, and of anything on the way to it
   * @throws TpaError `CHAT_TEMPLATE_INVALID`, also where the template refuses the messages
   */
  render(variables: Readonly<Record<string, unknown>>, maxLength: number): string;
}

/**
 * Reads a template in the Jinja dialect of chat templates.
 *
 * @throws TpaError `CHAT_TEMPLATE_INVALID`
 *
 * @example
 * const template = compileChatTemplate('{% for m in messages %}{{ m.content }}{% endfor %}');
 * template.render({ messages: [{ role: 'user', content: 'Hi' }] }, 1000); // 'Hi'
 */
export function compileChatTemplate(source: string): ChatTemplate {
  if (LONG_BLANK.test(source)) {
    const message = 'the chat template has a run of more than 256 blanks; shorten it';
    throw new TpaError('CHAT_TEMPLATE_INVALID', message);
  }
  // As transformers reads them: a block takes the line break after it and the spaces before.
  const tokens = guard(() => jinja.tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  const program = guard(() => jinja.parse(tokens));
  const literals = tokens.filter(({ type }) => type === 'StringLiteral').map(({ value }) => value);
  return {
    literals,
    render(variables, maxLength) {
      const text = guard(() => {
        const environment = new jinja.Environment();
        for (const [name, value] of Object.entries({ ...GLOBALS, ...variables })) {
          environment.set(name, value);
        }
        return new BoundedInterpreter(environment, maxLength).run(program).value;
      });
      if (typeof text === 'string') return text;
      throw new TpaError('CHAT_TEMPLATE_INVALID', 'the chat template gave no text');
    },
  };
}

/** What templates may call and name besides the variables. */
const GLOBALS = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  raise_exception() {
    throw new Refusal('refused these messages; it may know other roles or want another order');
  },
  range,
  strftime_now: (format: string) => strftime(new Date(), format),
};

/** Why a rendering ends early; the text is ours, nothing of the template or the messages. */
class Refusal extends Error {}

/**
 * Counts what the library does and how large its values are. A value that repeats another is small
 * in memory, but not once it is written out: forty times `a = [a, a]` would never end.
 */
class BoundedInterpreter extends jinja.Interpreter {
  readonly #maxSize: number;
  readonly #sizes = new WeakMap<object, number>();
  readonly #walked = new WeakSet<object>();
  #steps = 0;
  #depth = 0;

  constructor(environment: object, maxSize: number) {
    super(environment);
    this.#maxSize = maxSize;
  }

  override evaluate(node: Node | undefined, environment: object): Value | undefined {
    this.#spend(1);
    if (node?.type === 'For') this.#walked.add(walkedBy(node as ForNode));
    if (++this.#depth > MAX_DEPTH) throw new Refusal(`nests more than ${MAX_DEPTH} levels`);
    try {
      const value = super.evaluate(node, environment);
      if (value === undefined) return undefined; // the first item of an empty list
      if (this.#sizeOf(value) > this.#maxSize) {
        throw new Refusal(`made a value of more than ${this.#maxSize} characters`);
      }
      const length = lengthOf(value);
      const isWalked = node !== undefined && this.#walked.has(node);
      this.#spend(length * (isWalked ? STEPS_PER_ITEM : 1 / STEP_LENGTH));
      return value;
    } finally {
      this.#depth--;
    }
  }

  #spend(steps: number): void {
    this.#steps += steps;
    const limit = MAX_STEPS + this.#maxSize;
    if (this.#steps > limit) throw new Refusal(`took more than ${limit} steps`);
  }

  /** Characters and items of a value as it would be written out. */
  #sizeOf(value: Value): number {
    const content: unknown = value.value;
    if (typeof content === 'string') return content.length + 1;
    if (typeof content === 'number' && Math.abs(content) > MAX_INTEGER) {
      throw new Refusal(`made a number above ${MAX_INTEGER}`);
    }
    if (!(Array.isArray(content) || content instanceof Map)) return 1;
    const known = this.#sizes.get(value);
    if (known !== undefined) return known;
    const parts = content.values() as Iterable<Value>;
    let size = 1;
    for (const part of parts) {
      this.#spend(1);
      // The only values that change: in another one they could outgrow what was counted.
      if (part.type === 'NamespaceValue') throw new Refusal('put a namespace into another value');
      size += this.#sizeOf(part);
    }
    if (content instanceof Map) for (const key of content.keys()) size += String(key).length;
    if (value.type !== 'NamespaceValue') this.#sizes.set(value, size);
    return size;
  }
}

/** The expression whose items a loop walks; a loop with a condition has it one deeper. */
function walkedBy({ iterable }: ForNode): Node {
  return (iterable.type === 'SelectExpression' ? iterable.lhs : undefined) ?? iterable;
}

function lengthOf(value: Value): number {
  const content: unknown = value.value;
  if (typeof content === 'string' || Array.isArray(content)) return content.length;
  return content instanceof Map ? content.size : 0;
}

/** Python's, with a bound: the library's would fill the memory with `range(10 ** 9)`. */
function range(start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const count = Math.max(0, Math.ceil((to - from) / step));
  if (!(count <= MAX_RANGE))
    throw new Refusal(`asked for a range of more than ${MAX_RANGE} numbers`);
  return Array.from({ length: count }, (_, i) => from + i * step);
}

/** Runs the library; its errors may quote the template or the messages and are not passed on. */
function guard<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    const reason = error instanceof Refusal ? error.message : 'could not be read or run as Jinja';
    throw new TpaError('CHAT_TEMPLATE_INVALID', `the chat template ${reason}`);
  }
}
