import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { testAppearance } from './demo/appearance.ts';
import { testLoading } from './demo/loading.ts';
import { type Check, Demo } from './demo/page.ts';
import { testWriting } from './demo/writing.ts';

const test = suite('the demo page in Chromium');
const missing = Demo.missing();
let demo: Demo;

/** No page may complain; what Playwright throws stops uvu, which cannot print it. */
const check: Check = (name, body) => {
  test(name, async () => {
    await body(demo).catch((error: unknown) => {
      throw error instanceof assert.Assertion ? error : new Error(String(error));
    });
    assert.equal(demo.complaints.splice(0), []);
  });
};

if (missing !== undefined) {
  test.skip(missing);
  process.stdout.write(`the demo page in Chromium: skipped, ${missing}\n`);
} else {
  test.before(async () => {
    demo = await Demo.open();
  });
  test.after(() => demo.close());
  testWriting(check);
  testLoading(check);
  testAppearance(check);
}
test.run();
