import type { ModelContents } from './contents.ts';
import type { ModelFiles } from './files/model-files.ts';
import { readHuggingFace } from './hugging-face.ts';

/**
 * The model in some files, whatever their format. What reads GGUF is loaded for GGUF alone.
 *
 * @throws what `readHuggingFace` and `openGguf` throw
 */
export async function openContents(
  files: ModelFiles,
  signal?: AbortSignal,
): Promise<ModelContents> {
  if (files.gguf === undefined) return readHuggingFace(files, signal);
  const { openGguf } = await import('./gguf/open-gguf.ts');
  return openGguf(files, files.gguf, signal);
}
