import { expect, type Page } from '@playwright/test'
import type { PairWindow } from '#contract/access.ts'
import type { SignedHandoverFile, SignedHandovers } from '#contract/handover.ts'
import { signedText } from '../../service/handover/sign.ts'
import { test } from './support/desktop.ts'
import {
  answerWizard,
  confirmTrial,
  createStages,
  expectSigned,
  goTo,
  pairFromDeploy,
  runCheck,
  signHandover,
  startEmpty,
  startMeter,
  startTrial,
} from './support/journey.ts'
import type { RunningService } from './support/service.ts'

/** Shows an edge in this window instead of this computer. The window keeps its own list of edges. */
async function connectTo(page: Page, edge: RunningService): Promise<void> {
  const { host } = new URL(edge.secureUrl ?? '')
  await goTo(page, '/access/connections')
  await page.getByLabel('Add by address').fill(host)
  await page.getByRole('button', { name: 'Contact' }).click()
  const dialog = page.getByRole('dialog')
  const { code } = await edge.ask<PairWindow>('POST', 'api/v1/pair/window', { newCode: true })
  await dialog.getByLabel('Pairing code').fill(code)
  await dialog.getByRole('button', { name: 'They are equal: pair' }).click()
  await expect(dialog).toBeHidden({ timeout: 60_000 })
  await page.getByRole('button', { name: 'Connect to' }).click()
  await expect(page.getByRole('status', { name: host })).toBeVisible({ timeout: 60_000 })
}

test('from the app on a laptop to a confirmed deployment and a signed report', async ({ launch }, info) => {
  test.setTimeout(600_000)
  const stages = createStages()
  await using meter = await startMeter()
  // Another address than that of the service of the app, whose own connections are not those to an edge.
  await using edge = await startEmpty(['--listen', '127.0.0.2:0'])
  const { page } = await launch()
  page.setDefaultTimeout(30_000)
  await goTo(page, '/setup')
  stages.done('start')
  await answerWizard(page, meter)
  stages.done('set up')
  await page.getByRole('button', { name: 'Review and deploy' }).click()
  await pairFromDeploy(page, edge)
  stages.done('pair')
  await startTrial(page)
  stages.done('compare and check')
  await confirmTrial(page)
  stages.done('trial and confirm')

  await connectTo(page, edge)
  await runCheck(page, edge)
  stages.done('connect and check')
  await signHandover(page)
  await expect(page.getByRole('button', { name: /^Save .* as PDF$/ })).toBeVisible()
  const { reports } = await edge.ask<SignedHandovers>('GET', 'api/v1/handover/signed')
  expect(reports).toHaveLength(1)
  const file = await edge.ask<SignedHandoverFile>('GET', `api/v1/handover/signed/${reports[0]?.id ?? ''}.json`)
  expectSigned(Buffer.from(signedText(file)))
  stages.done('report')
  info.annotations.push({ type: 'time', description: stages.toString() })
  process.stdout.write(`${stages.toString()}\n`)
})
