export type { Checkpoint, CheckpointTensor } from './convert/checkpoint.ts';
export {
  convertCheckpoint,
  CONVERTED_NAMES,
  type ConvertedFile,
} from './convert/converted-files.ts';
export { openCheckpoint } from './convert/open-checkpoint.ts';
export { TpaError, type TpaErrorCode, type TpaErrorData } from './errors.ts';
