import { copyFactors } from './factor-rows';
import { CacheShape } from '../layout/pages';

/**
 * Copies the factors of `count` tokens into the pages, as tokens first … first + count.
 *
 * @param pages u32 addresses of the pages that hold them
 * @param rowsAt FactorRows: ak (heads, rankK), bk (rankK, keyRows), av (heads, rankV),
 *   bv (rankV, valueRows) of each token; what the page does not hold is not read
 * No overlap; any alignment.
 */
export function appendFactors(pages: usize, shapeAt: usize, first: usize, count: usize, rowsAt: usize): void {
  const shape = changetype<CacheShape>(shapeAt);
  assert(shape.heads && shape.rankK && shape.rankV, 'appendFactors: an empty shape');
  copyFactors(pages, shapeAt, first, count, rowsAt, false);
}
