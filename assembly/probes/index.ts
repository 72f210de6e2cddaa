export { fmaPeak } from './fma-peak';
export { readPeak } from './read-peak';
