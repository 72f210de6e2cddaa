export { fmaPeak } from './fma-peak';
export { readPeak } from './read-peak';

// what cannot be met from outside one by one
export { quantizeOperand } from '../product/code-operand';
export { codeProduct } from '../product/code-product';
