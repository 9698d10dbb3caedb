// Does everything with keys of the keyboard: no click, and no focus set by the test.

import assert from "node:assert/strict";

export async function check(begin) {
  const visit = await begin();
  const { keyboard } = visit.page;
  await keyboard.insertText(visit.key);
  await keyboard.press("Enter");
  await visit.row("billing-worker").waitFor();

  await tabTo(visit, ({ id }) => id === "create");
  await keyboard.press("Enter");
  await keyboard.type("keyboard-team");
  await keyboard.press("Tab");
  await keyboard.type("typist");
  await keyboard.press("Enter");
  assert.match(await visit.secret(), /^portcullis_/);
  assert.equal((await visit.focused()).id, "copy");
  await keyboard.press("Enter");
  await visit.page.getByText("Copied.").waitFor();
  await keyboard.press("Escape");
  await closed(visit);
  assert.equal((await visit.focused()).id, "create");
  await visit.row("typist").waitFor();

  await tabTo(visit, ({ id }) => id === "search");
  await keyboard.type("typist");
  await visit.shows("typist");

  await tabTo(visit, ({ action }) => action === "rotate");
  await keyboard.press("Enter");
  await visit.locate("#rotate-dialog[open]").waitFor();
  await keyboard.press("Escape");
  await closed(visit);
  assert.equal((await visit.focused()).action, "rotate", "the focus returns to what opened the dialog");
  await keyboard.press("Space");
  await tabTo(visit, ({ text }) => text === "Rotate key");
  await keyboard.press("Enter");
  const successor = await visit.secret();
  await keyboard.press("Escape");
  await visit.page.getByText("You have not copied the key.").waitFor();
  assert.equal(await visit.secret(), successor, "the first Escape only warns");
  await keyboard.press("Escape");
  await closed(visit);
  await visit.shows("typist", "typist");
  assert.equal((await visit.focused()).action, "details", "the focus goes to the new key, since its predecessor has no button any more");

  await tabTo(visit, ({ action }) => action === "revoke");
  await keyboard.press("Enter");
  await keyboard.type("typed by mistake");
  await keyboard.press("Enter");
  await closed(visit);
  await visit.page.getByText("Revoked typist.").waitFor();
  assert.equal((await visit.focused()).action, "details", "the focus stays on the row");

  await tabTo(visit, ({ id }) => id === "forget");
  await keyboard.press("Enter");
  await visit.page.getByLabel("Credential").waitFor();
  assert.equal((await visit.focused()).id, "credential");
  await visit.end();
}

/** Presses Tab until the focus is there. What has the focus must show it. */
async function tabTo(visit, isThere) {
  for (let presses = 0; presses < 200; presses++) {
    if (isThere(await visit.focused())) return;
    await visit.page.keyboard.press("Tab");
    const shows = await visit.page.evaluate(() => {
      const shown = document.activeElement.matches("input[type=radio]")
        ? document.activeElement.nextElementSibling
        : document.activeElement;
      return shown === document.body || parseFloat(getComputedStyle(shown).outlineWidth) >= 2;
    });
    assert.ok(shows, `the focus is not visible on ${JSON.stringify(await visit.focused())}`);
  }
  assert.fail("the Tab key does not lead there");
}

async function closed(visit) {
  await visit.eventually(async () => assert.equal(await visit.locate("dialog[open]").count(), 0));
  // The focus returns in a task after the dialog has closed.
  await visit.page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
}
