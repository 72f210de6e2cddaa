import type { BackendChange } from '../../../backend/backend-change.ts';
import { whenForgotten } from '../../../base/forgotten.ts';
import { TpaError } from '../../../base/errors.ts';
import type { ModelConfig } from '../../../format/config/model-config.ts';
import type { MemoryInfo } from '../../../ops/runtime.ts';
import type { ModelHost } from '../../model.ts';
import type { ModelInfo } from '../../model-info.ts';
import type { ThreadsChange } from '../../../threads/threads.ts';
import type { ModelLink } from './model-link.ts';
import { RemoteBackend } from './remote-backend.ts';

/** A model whose weights a worker computes with. */
export class RemoteHost implements ModelHost {
  readonly backend: RemoteBackend;
  readonly #link: ModelLink;
  #listener: ((change: BackendChange | ThreadsChange) => void) | undefined;

  constructor(link: ModelLink, config: ModelConfig) {
    this.backend = new RemoteBackend(link, config);
    this.#link = link;
    const self = new WeakRef(this);
    link.onChange = (change) => {
      const host = self.deref();
      if (host !== undefined) host.#listener?.(change);
    };
    // sessions hold the backend, and the program holds sessions or the model
    whenForgotten(this.backend, () => link.end(new TpaError('DISPOSED', 'the model is forgotten')));
  }

  set onChange(listener: (change: BackendChange | ThreadsChange) => void) {
    this.#listener = listener;
  }

  info(): ModelInfo {
    return this.#link.info;
  }

  memory(): MemoryInfo {
    return this.#link.memory;
  }
}
