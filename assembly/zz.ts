export { fmaPeak } from './kernels/fma-peak';
export { productStore, productAdd, productScale } from './simd/product';
