// Lists, searches, filters and pages; creates, rotates and revokes.

import assert from "node:assert/strict";

export async function check(begin) {
  const visit = await begin();
  await visit.signIn();
  await lists(visit);
  await searches(visit);
  await filters(visit);
  await turnsPages(visit);
  const created = await creates(visit);
  const successor = await rotates(visit, created);
  await revokes(visit, successor);
  await visit.end();
}

async function lists(visit) {
  const row = visit.row("billing-worker");
  const cells = await row.getByRole("cell").allInnerTexts();
  const [name, owner, scopes, used, , state] = cells;
  assert.match(name, /billing-worker\s+[0-9A-Za-z]{12}/);
  assert.deepEqual([owner, state], ["payments", "Active"]);
  assert.match(used, /^3 hours ago\s+184,223 times$/);
  assert.equal(await visit.row("ledger-export").getByRole("cell").nth(3).innerText(), "never");
  assert.deepEqual(scopes.split(/\s+/), ["invoices:write", "orders:read"]);
  assert.match(await visit.row("ledger-export").getByRole("cell").nth(4).innerText(), /in 4 days/);
  assert.match(await visit.locate("#soon").innerText(), /ledger-export expires within 14 days/);
}

async function searches(visit) {
  const search = visit.page.getByRole("searchbox");
  await search.fill("LEDGER");
  await visit.shows("ledger-export");
  await search.fill("no such key");
  await visit.page.getByText("No key matches.").waitFor();
  await visit.page.getByRole("button", { name: "Show all keys" }).click();
  await visit.row("billing-worker").waitFor();
  assert.equal(await search.inputValue(), "");
}

async function filters(visit) {
  for (const [state, ...names] of [
    ["Expired", "old-export"],
    ["Revoked", "leaked-bot"],
    ["Expiring", "ledger-export"],
  ]) {
    await visit.page.getByRole("radio", { name: state }).check();
    await visit.shows(...names);
  }
  await visit.page.getByRole("radio", { name: "All" }).check();
  await visit.row("billing-worker").getByRole("button", { name: "billing-worker", exact: true }).click();
  await visit.page.getByRole("button", { name: "All keys of this owner" }).click();
  await visit.shows("billing-worker", "ledger-export");
  await visit.page.getByRole("button", { name: /^Owner: payments/ }).click();
  await visit.row("leaked-bot").waitFor();
}

async function turnsPages(visit) {
  const first = await visit.names();
  assert.equal(first.length, 25);
  await visit.page.getByRole("button", { name: "Older" }).click();
  await visit.page.getByText(/^Page 2/).waitFor();
  const second = await visit.names();
  assert.deepEqual(second.filter((name) => first.includes(name)), []);
  await visit.page.getByRole("button", { name: "Newer" }).click();
  await visit.page.getByText(/^Page 1/).waitFor();
  assert.deepEqual(await visit.names(), first);
}

async function creates(visit) {
  const key = await visit.create({ owner: "fleet", name: "tracker", scopes: "keys:read" });
  assert.match(key, /^portcullis_[0-9A-Za-z]{12}_[0-9A-Za-z]{33}$/);
  await visit.page.getByText("It is shown this once").waitFor();
  await visit.page.getByRole("button", { name: "Copy key" }).click();
  await visit.page.getByText("Copied.").waitFor();
  assert.equal(await visit.page.evaluate(() => navigator.clipboard.readText()), key);
  await visit.page.getByRole("button", { name: "Done" }).click();
  assert.equal(await visit.page.getByLabel("Key", { exact: true }).inputValue(), "");
  await visit.page.getByText("Created tracker.").waitFor();
  await visit.row("tracker").waitFor();
  assert.equal(await visit.statusFor(key), 200);
  return key;
}

async function rotates(visit, old) {
  await visit.page.getByRole("button", { name: "Rotate tracker" }).click();
  const dialog = visit.page.getByRole("dialog", { name: "Rotate this key?" });
  await dialog.getByLabel("The old key still works for").selectOption("1h");
  await dialog.getByRole("button", { name: "Rotate key" }).click();
  const key = await visit.secret();
  assert.notEqual(key, old);
  await visit.page.getByRole("button", { name: "Done" }).click();
  await visit.page.getByText("You have not copied the key.").waitFor();
  await visit.page.getByRole("button", { name: "Done" }).click();
  await visit.eventually(async () => assert.equal(await visit.row("tracker").count(), 2));
  assert.deepEqual([await visit.statusFor(old), await visit.statusFor(key)], [200, 200]);
  return key;
}

async function revokes(visit, key) {
  const id = key.split("_")[1];
  const row = visit.locate(`tr[data-id="${id}"]`);
  await row.getByRole("button", { name: "Revoke tracker" }).click();
  const dialog = visit.page.getByRole("dialog", { name: "Revoke this key?" });
  await dialog.getByRole("button", { name: "Revoke key" }).click();
  await dialog.getByText("Say why").waitFor();
  assert.equal(await visit.statusFor(key), 200, "a key is revoked only with a reason");
  await dialog.getByLabel("Reason").fill("found in a build log");
  await dialog.getByRole("button", { name: "Revoke key" }).click();
  await row.getByText("Revoked").waitFor();
  assert.equal(await visit.statusFor(key), 401);
  await row.getByRole("button", { name: "tracker", exact: true }).click();
  await visit.page.getByText("found in a build log").waitFor();
  await visit.page.getByRole("button", { name: "Close" }).click();
}
