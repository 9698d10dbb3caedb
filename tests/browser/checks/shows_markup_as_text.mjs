// Texts with markup are shown as they are, wherever they appear, and no script in them runs.

import assert from "node:assert/strict";

const NAME = `<img src=x onerror="alert(1)"><script>alert(2)</script><b>bold</b>`;
const OWNER = `"><svg onload=alert(3)>`;

export async function check(begin) {
  const visit = await begin();
  await visit.signIn();
  await visit.create({ owner: OWNER, name: NAME });
  assert.ok((await visit.locate("#secret-dialog").innerText()).includes(NAME));
  await visit.page.getByRole("button", { name: "Copy key" }).click();
  await visit.page.getByText("Copied.").waitFor();
  await visit.page.keyboard.press("Escape");
  await visit.page.getByText(`Created ${NAME}.`).waitFor();
  await visit.row(NAME).waitFor();
  await visit.page.getByRole("button", { name: NAME, exact: true }).click();
  assert.ok((await visit.locate("#details-dialog").innerText()).includes(OWNER));
  await visit.page.getByRole("button", { name: "All keys of this owner" }).click();
  await visit.shows(NAME);
  for (const tag of ["img", "b", "script:not([src])", "svg[onload]"]) {
    assert.equal(await visit.locate(`main ${tag}, dialog ${tag}`).count(), 0, tag);
  }
  await visit.end();
}
