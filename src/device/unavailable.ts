import { messageOf, TpaError } from '../base/errors.ts';

/** Why `'webgpu'` cannot be had, as one code. */
export function unavailable(error: unknown): TpaError {
  const isPlain =
    error instanceof TpaError &&
    (error.code === 'BACKEND_UNAVAILABLE' || error.code === 'MODEL_UNSUPPORTED');
  if (isPlain) return error;
  const reason = messageOf(error);
  const message = `"webgpu" expected a GPU that works: ${reason}`;
  return new TpaError('BACKEND_UNAVAILABLE', message, { cause: error });
}
