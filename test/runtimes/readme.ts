/* `npm run matrix:readme`: the table of the README from what `npm run test:runtimes` ran last. */
import { updateReadme } from './table.ts';

updateReadme();
