// axe finds nothing in either theme, on a desktop and on a phone, in the list and with each dialog open; and nothing scrolls
// sideways.

import assert from "node:assert/strict";

import axe from "axe-core";

import { PHONE } from "../visit.mjs";

export async function check(begin) {
  for (const viewport of [undefined, PHONE]) {
    for (const dark of [false, true]) {
      const visit = await begin({ dark, viewport });
      await visit.page.evaluate(axe.source);
      await look(visit);
      await visit.end();
    }
  }
}

async function look(visit) {
  const { page } = visit;
  await examine(visit, "sign-in");
  await page.getByRole("button", { name: "Continue" }).click();
  await examine(visit, "sign-in-without-credential");
  await visit.signIn();
  await page.locator("#soon:not([hidden])").waitFor();
  await examine(visit, "list");

  await page.getByRole("button", { name: "New key" }).click();
  await page.getByRole("button", { name: "Create key" }).click();
  await examine(visit, "create");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Rotate billing-worker" }).click();
  await examine(visit, "rotate");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Revoke billing-worker" }).click();
  await examine(visit, "revoke");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "leaked-bot", exact: true }).click();
  await examine(visit, "details");
  await page.keyboard.press("Escape");

  await visit.create({ owner: "design", name: `seen-in-${visit.theme}`, scopes: "orders:read" });
  await page.getByRole("button", { name: "Done" }).click();
  await examine(visit, "secret");
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByText("Created seen-in").waitFor();
  await examine(visit, "created");

  await page.getByRole("searchbox").fill("no such key");
  await page.getByText("No key matches.").waitFor();
  await examine(visit, "empty");
}

async function examine(visit, name) {
  await visit.picture(name);
  const [scrolled, width] = await visit.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(scrolled <= width, `${visit.theme} ${name}: ${scrolled} px in a window of ${width} px`);
  const dialog = await visit.page.evaluate(() => {
    const open = document.querySelector("dialog[open]");
    return open ? open.scrollWidth - open.clientWidth : 0;
  });
  assert.ok(dialog <= 0, `${visit.theme} ${name}: the dialog scrolls sideways`);
  const { violations, passes } = await visit.page.evaluate(() => {
    // What is behind a modal dialog is out of reach, and was examined before.
    const context = document.querySelector("dialog[open]") ?? document;
    return window.axe.run(context, { preload: false });
  });
  assert.ok(passes.some(({ id }) => id === "color-contrast"), `${visit.theme} ${name}: the contrast was measured`);
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`)}`);
  assert.deepEqual(found, [], `${visit.theme} ${name}`);
}
