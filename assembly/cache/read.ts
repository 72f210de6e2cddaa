import { copyFactors } from './factor-rows';
import { CacheShape } from '../layout/pages';

/**
 * Copies the factors of tokens first … first + count out of the pages: the inverse of appendFactors,
 * bit for bit.
 *
 * @param pages u32 addresses of the pages that hold them
 * @param rowsAt FactorRows: where ak (heads, rankK), bk (rankK, keyRows), av (heads, rankV),
 *   bv (rankV, valueRows) of each token go; what the page does not hold is not written, nor are the
 *   gaps between tokens
 * No overlap; any alignment.
 */
export function readFactors(pages: usize, shapeAt: usize, first: usize, count: usize, rowsAt: usize): void {
  const shape = changetype<CacheShape>(shapeAt);
  assert(shape.heads && shape.rankK && shape.rankV, 'readFactors: an empty shape');
  copyFactors(pages, shapeAt, first, count, rowsAt, true);
}
