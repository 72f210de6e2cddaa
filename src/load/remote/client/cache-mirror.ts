import { PAGE_TOKENS, pageBytes } from '../../../layout/pages.ts';
import { attentionSpec } from '../../../format/config/attention-spec.ts';
import type { ModelConfig } from '../../../format/config/model-config.ts';
import { cacheSizes } from '../../../model/cache-sizes.ts';

/** What the layers of a sequence keep: pages of tokens, or states of constant size. */
interface CacheForm {
  readonly kind: 'pages' | 'state';
  /** Bytes of a page or a state, all layers. */
  readonly bytes: number;
}

/** What the sequences of a model keep. */
export function cacheForm(config: ModelConfig): CacheForm {
  if (config.isLinear) return { kind: 'state', bytes: cacheSizes(config).stateBytes };
  let bytes = 0;
  for (let layer = 0; layer < config.layers; layer++)
    bytes += pageBytes(attentionSpec(config, layer));
  return { kind: 'pages', bytes };
}

/**
 * The tokens of a sequence in another thread, told without asking. Linear attention keeps the state
 * before the last step too, and goes back to it, or to none.
 */
export class CacheMirror {
  readonly #form: CacheForm;
  /** Lengths that the sequence can go back to, the last its own. */
  #lengths: readonly number[];

  constructor(form: CacheForm, lengths: readonly number[] = []) {
    this.#form = form;
    this.#lengths = lengths;
  }

  get length(): number {
    return this.#lengths.at(-1) ?? 0;
  }

  /** As the sequence has them. */
  get lengths(): readonly number[] {
    return this.#lengths.filter((length) => length > 0);
  }

  get byteLength(): number {
    const { kind, bytes } = this.#form;
    const parts = kind === 'state' ? this.#lengths.length : Math.ceil(this.length / PAGE_TOKENS);
    return parts * bytes;
  }

  /** A step has made it this long. */
  commit(length: number): void {
    const before = this.#form.kind === 'state' ? this.#lengths.slice(-1) : [];
    this.#lengths = [...before, length];
  }

  truncate(length: number): void {
    if (this.#form.kind === 'state') this.#lengths = this.#lengths.filter((kept) => kept <= length);
    else this.#lengths = [Math.min(length, this.length)];
  }

  fork(): CacheMirror {
    return new CacheMirror(this.#form, this.#lengths);
  }
}
