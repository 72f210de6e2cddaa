import type { CheckedConversation } from '../messages.ts';
import type { StandIns } from './stand-ins.ts';
import type { TemplateFields, TemplateValue } from './template-values.ts';

/** Names of fields and roles. */
const WORD = /^[\w.-]+$/;
/** Some templates write `'<|' + role + '|>'`, which is to be a token. */
const ROLES = ['system', 'developer', 'user', 'assistant', 'tool', 'function'];

/** What a template knows by itself. */
export interface KnownWords {
  /** Fields that it reads. */
  readonly fields: ReadonlySet<string>;
  readonly roles: ReadonlySet<string>;
}

/** The words that a template knows, of its source and its text constants. */
export function knownWords(source: string, constants: readonly string[]): KnownWords {
  const words = constants.filter((constant) => WORD.test(constant));
  const fields = Array.from(source.matchAll(/\.\s*(\w+)/g), ([, name]) => name!);
  return { fields: new Set([...words, ...fields]), roles: new Set([...words, ...ROLES]) };
}

/**
 * Hides the text of people from a template, names of fields and roles that it knows excepted; letters,
 * digits and blanks stay as they are. Of what is doubtful the first and the last word are hidden whole.
 */
export class Hiding {
  readonly #standIns: StandIns;
  readonly #known: KnownWords;
  readonly #isDoubtful: (hidden: string) => boolean;
  #hasDoubts = false;

  constructor(
    standIns: StandIns,
    known: KnownWords,
    isDoubtful: (hidden: string) => boolean = () => false,
  ) {
    this.#standIns = standIns;
    this.#known = known;
    this.#isDoubtful = isDoubtful;
  }

  /** Whether something was doubtful. */
  get hasDoubts(): boolean {
    return this.#hasDoubts;
  }

  message(message: CheckedConversation['messages'][number]): TemplateFields {
    const hidden = this.value(message);
    return this.#known.roles.has(message.role) ? { ...hidden, role: message.role } : hidden;
  }

  value<T extends TemplateValue>(value: T): T;
  value(value: TemplateValue): TemplateValue {
    if (typeof value === 'string') return this.#text(value);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((item) => this.value(item));
    const entries = Object.entries(value);
    return Object.fromEntries(entries.map(([name, item]) => [this.#name(name), this.value(item)]));
  }

  #text(text: string): string {
    return this.#check(text, this.#standIns.hide(text));
  }

  #name(name: string): string {
    if (this.#known.fields.has(name)) return name;
    return this.#check(name, WORD.test(name) ? name : this.#standIns.hide(name));
  }

  #check(text: string, hidden: string): string {
    if (!this.#isDoubtful(hidden)) return hidden;
    this.#hasDoubts = true;
    return this.#standIns.hideWords(text);
  }
}
