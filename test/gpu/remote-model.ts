import type { ModelBytes } from '../../src/index.ts';
import type { RemoteModel } from './host.ts';

/** A model for a host, on its GPU unless told otherwise. */
export function remoteModel(
  { config, weights }: ModelBytes,
  options: Partial<RemoteModel['options']> = {},
): RemoteModel {
  const bytes = Buffer.from(weights as Uint8Array);
  return {
    config: config as object,
    weights: bytes.toString('base64'),
    options: { backend: 'webgpu', ...options },
  };
}
