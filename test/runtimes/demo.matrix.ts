import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { testAppearance } from './demo/appearance.ts';
import { testLoading } from './demo/loading.ts';
import { type Check, Demo } from './demo/page.ts';
import { testWriting } from './demo/writing.ts';

const test = suite('the demo page in Chromium');
const demo = await Demo.open();

if ('missing' in demo) {
  test.skip(demo.missing);
  process.stdout.write(`the demo page in Chromium: skipped, ${demo.missing}\n`);
} else {
  test.after(() => demo.close());
  const check = checkOf(demo);
  testWriting(check);
  testLoading(check);
  testAppearance(check);
}
test.run();

/** No page may complain; what Playwright throws stops uvu, which cannot print it. */
function checkOf(page: Demo): Check {
  return (name, body) => {
    test(name, async () => {
      await body(page).catch((error: unknown) => {
        throw error instanceof assert.Assertion ? error : new Error(String(error));
      });
      assert.equal(page.complaints.splice(0), []);
    });
  };
}
