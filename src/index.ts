export { TpaError, type TpaErrorCode, type TpaErrorDetails } from './errors.ts';
