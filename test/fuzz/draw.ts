import { createRandom, type Random } from '../helpers/checks/random.ts';

/** What published files and people write, and what is hard about Unicode. */
const ATOMS = [
  "a,b,e,x,th,the,Once,upon,HELLO,don't,'ll,if,1,23,2024, , ,  ,.,!?,--,(,),[,{,\",\\,/,|,<,>,_,#,$,+,=",
  'é,e\u0301,ß,İ,Σ,ς,ﬁ,\ufdfa,½,٣,१,Ⅷ,中,文字,ไทย,한,\u1112\u1161,😀,👩\u200d👩\u200d👧,𝕏,▁,Ġ,Ċ',
  '\n,\n\n,\r\n,\t,\u00a0,\u3000,\u2028,\0,\u007f,\u200d,\ufeff,\ufffd,\ue000,\uf8ff,\ud800,\udc00',
  '<0x0A>,<|im_start|>,<|im_end|>,<s>,</s>,[INST]',
].flatMap((list) => list.split(','));

/** Numbers where something else is expected, and at the edges of what is. */
const NUMBERS = [
  0,
  1,
  2,
  3,
  7,
  16,
  255,
  256,
  1024,
  65_536,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -1,
  0.5,
  1e300,
];

/** What one execution draws; the same seed draws the same. */
export class Draw {
  readonly random: Random;

  constructor(seed: number) {
    this.random = createRandom(seed);
  }

  /** Whether something of this probability comes about. */
  chance(probability: number): boolean {
    return this.random.next() < probability;
  }

  integer(min: number, max: number): number {
    return this.random.integer(min, max);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.random.integer(0, items.length - 1)]!;
  }

  /** Up to `max` of what `one` makes, mostly few. */
  some<T>(max: number, one: () => T): T[] {
    const few = this.chance(0.8) ? Math.min(max, 4) : max;
    return Array.from({ length: this.integer(0, few) }, one);
  }

  /** A text of at most `max` UTF-16 units; now and then one thing again and again. */
  text(max: number, words: readonly string[] = []): string {
    const atom = (): string =>
      words.length > 0 && this.chance(0.3) ? this.pick(words) : this.pick(ATOMS);
    const length = this.chance(0.05) ? max : this.integer(0, Math.min(max, this.pick([4, 16, 64])));
    let text = '';
    while (text.length < length) {
      const part = atom();
      text += this.chance(0.05) && part !== '' ? part.repeat(this.integer(2, length)) : part || 'a';
    }
    return text.slice(0, length);
  }

  /** Any JSON value, mostly small and of the wrong kind. */
  value(depth = 2): unknown {
    const kind = this.integer(0, depth > 0 ? 7 : 5);
    if (kind === 0) return null;
    if (kind === 1) return this.chance(0.5);
    if (kind < 4) return this.pick(NUMBERS);
    if (kind < 6) return this.chance(0.02) ? this.text(3000) : this.text(12);
    if (kind === 6) return this.some(40, () => this.value(depth - 1));
    const entries = this.some(40, () => [this.text(6), this.value(depth - 1)] as const);
    return Object.fromEntries(entries);
  }
}
