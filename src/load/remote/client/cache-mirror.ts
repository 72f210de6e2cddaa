import type { CacheDtype } from '../../../layout/cache-dtype.ts';
import { PAGE_TOKENS, pageBytes } from '../../../layout/pages.ts';
import { attentionSpec } from '../../../format/config/attention-spec.ts';
import type { ModelConfig } from '../../../format/config/model-config.ts';
import { cacheSizes } from '../../../model/cache-sizes.ts';

/** What the layers of a sequence keep: pages of tokens, or states of constant size. */
interface CacheForm {
  readonly kind: 'pages' | 'state';
  readonly dtype: CacheDtype;
  /** Bytes of a page or a state, all layers. */
  readonly bytes: number;
}

/** What a sequence of a model keeps. */
export function cacheForm(config: ModelConfig, dtype: CacheDtype): CacheForm {
  if (config.isLinear) {
    return { kind: 'state', dtype: 'f32', bytes: cacheSizes(config).stateBytes };
  }
  let bytes = 0;
  for (let layer = 0; layer < config.layers; layer++)
    bytes += pageBytes(attentionSpec(config, layer), dtype);
  return { kind: 'pages', dtype, bytes };
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

  get cacheDtype(): CacheDtype {
    return this.#form.dtype;
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
