// Runs one check of the page in headless Chromium, and fails as the check does.
//
// The argument is the check's name. Standard input is `{"page": URL, "key": SECRET}`: the page's address, and a key that has
// `keys:admin`. PORTCULLIS_CHROMIUM is the browser, `chromium` by default; PORTCULLIS_SCREENSHOTS a folder for pictures.

import { json } from "node:stream/consumers";

import { Visit, withBrowser } from "./visit.mjs";

const { check } = await import(`./checks/${process.argv[2]}.mjs`);
const { page, key } = await json(process.stdin);
await withBrowser(async (browser) => {
  const visits = [];
  const begin = async (options) => {
    visits.push(await Visit.begin(browser, page, key, options));
    return visits.at(-1);
  };
  try {
    await check(begin);
  } catch (error) {
    for (const visit of visits) console.error("the browser said:", visit.complaints);
    await visits.at(-1)?.picture("failure");
    throw error;
  }
});
