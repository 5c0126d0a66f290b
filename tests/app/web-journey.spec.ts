import { expect, test } from '@playwright/test'
import {
  answerWizard,
  confirmTrial,
  createStages,
  expectSigned,
  goTo,
  pairFromDeploy,
  runCheck,
  saveSigned,
  signHandover,
  startEmpty,
  startMeter,
  startTrial,
} from './support/journey.ts'
import { signIn } from './support/service.ts'

test('from an empty laptop to a confirmed deployment and a signed report', async ({ page }, info) => {
  // The edge alone wants to have been up for half a minute before it can be confirmed.
  test.setTimeout(600_000)
  page.setDefaultTimeout(30_000)
  const stages = createStages()
  await using meter = await startMeter()
  await using laptop = await startEmpty()
  await using edge = await startEmpty(['--listen', '127.0.0.1:0'])
  await signIn(page, laptop.url)
  await page.goto(laptop.url)
  await goTo(page, '/site')
  await expect(page.getByText('There is no site yet')).toBeVisible()
  stages.done('start')

  await page.getByRole('link', { name: 'Set up the site' }).click()
  await answerWizard(page, meter)
  stages.done('set up')
  await goTo(page, '/deploy')
  await pairFromDeploy(page, edge)
  stages.done('pair')
  await startTrial(page)
  stages.done('compare and check')
  await confirmTrial(page)
  stages.done('trial and confirm')

  await signIn(page, edge.url)
  await page.goto(edge.url)
  await runCheck(page, edge)
  stages.done('check')
  await signHandover(page)
  const pdf = await saveSigned(page, 'PDF')
  expect(pdf.subarray(0, 5).toString()).toBe('%PDF-')
  expectSigned(await saveSigned(page, 'JSON'))
  stages.done('report')
  info.annotations.push({ type: 'time', description: stages.toString() })
  process.stdout.write(`${stages.toString()}\n`)
})
