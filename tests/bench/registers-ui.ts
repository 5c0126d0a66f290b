import { chromium, type Page } from '@playwright/test'
import { parseArgs } from 'node:util'
import { setTimeout as delay } from 'node:timers/promises'
import { signIn, startService } from '../app/support/service.ts'
import { createTestUnit } from '../drivers/support/test-device.ts'
import { startTestServer } from '../drivers/support/test-server.ts'
import { traceFrames } from './support/frame-trace.ts'

/**
 * The table of registers in a real Chromium: 10,000 rows of a device whose every answer differs from the one before, through
 * the service as it is. Work of the main thread per frame and dropped frames from the trace of the browser, while nobody
 * touches it and while somebody scrolls; against an empty page in the same browser, before and after.
 */
const { values } = parseArgs({ options: { json: { type: 'boolean' }, quick: { type: 'boolean' } } })
const forMs = values.quick ? 5_000 : 20_000
const registers = 10_000
const viewport = { width: 1440, height: 900 }
const round = (value: number): number => Math.round(100 * value) / 100
const target = { workP95Ms: 8, droppedShare: 0.01, changesPerS: 1_000 }

await using device = await startTestServer('tcp', { 1: createTestUnit() })
let changes = 0
let turn = 0
device.respond = ({ request: { pdu, frame }, send }) => {
  const [address, count] = [pdu.readUInt16BE(1), pdu.readUInt16BE(3)]
  turn += 1
  const answer = Buffer.alloc(9 + 2 * count)
  frame.copy(answer, 0, 0, 7)
  answer.writeUInt16BE(3 + 2 * count, 4)
  answer[7] = 3
  answer[8] = 2 * count
  for (let at = 0; at < count; at += 1) answer.writeUInt16BE((address + at + 977 * turn) & 0xffff, 9 + 2 * at)
  changes += count
  send(answer)
}

await using service = await startService()
const browser = await chromium.launch({ executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium' })
try {
  const emptyPage = async () => {
    const page = await browser.newPage({ viewport })
    await page.goto('about:blank')
    const frames = await traceFrames(browser, page, () => delay(forMs))
    await page.close()
    return frames
  }
  const context = await browser.newContext({ viewport })
  const before = await emptyPage()

  const page = await context.newPage()
  await signIn(page, service.url)
  await page.goto(`${service.url}/#/registers`)
  await watchAll(page)
  // Everything was read once, and some of it twice.
  await repeated(1.3 * registers)

  const still = await measured(page, () => delay(forMs))
  const table = await page.getByRole('grid').boundingBox()
  if (!table) throw new Error('the table is not there')
  await page.mouse.move(table.x + table.width / 2, table.y + table.height / 2)
  const scrolling = await measured(page, async () => {
    const endMs = performance.now() + forMs
    for (let step = 0; performance.now() < endMs; step += 1) {
      await page.mouse.wheel(0, Math.floor(step / 120) % 2 === 0 ? 100 : -100)
      await delay(33)
    }
  })
  await page.close()
  // What else the machine does changes from minute to minute.
  const after = await emptyPage()
  const bound = {
    workP95Ms: Math.max(before.workP95Ms, after.workP95Ms),
    droppedShare: Math.max(before.droppedShare, after.droppedShare),
  }
  const isMet = ({ workP95Ms, droppedShare, changesPerS }: typeof still): boolean =>
    workP95Ms < target.workP95Ms &&
    droppedShare < bound.droppedShare + target.droppedShare &&
    changesPerS >= target.changesPerS
  const result = {
    bench: 'registers-ui',
    registers,
    seconds: forMs / 1000,
    target,
    emptyPage: { before, after },
    still: { ...still, ratio: round(still.workP95Ms / bound.workP95Ms), met: isMet(still) },
    scrolling: { ...scrolling, ratio: round(scrolling.workP95Ms / bound.workP95Ms), met: isMet(scrolling) },
    met: isMet(still),
  }
  process.stdout.write(`${JSON.stringify(result, undefined, values.json ? 0 : 2)}\n`)
} finally {
  await browser.close()
}

async function repeated(least: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setInterval(() => changes >= least && resolve(), 100)
  await promise
  clearInterval(timer)
}

async function watchAll(page: Page): Promise<void> {
  await page.getByRole('combobox', { name: 'Unit', exact: true }).selectOption('Another unit')
  await page.getByLabel('Bus', { exact: true }).fill(device.url)
  await page.getByRole('button', { name: 'Range', exact: true }).click()
  await page.getByLabel('How many').fill(String(registers))
  await page.getByRole('combobox', { name: 'Every' }).selectOption('0.25 s')
  await page.getByRole('button', { name: /^Watch/ }).click()
  await page.locator(`[aria-rowcount="${registers + 1}"]`).waitFor()
}

async function measured(page: Page, act: () => Promise<void>) {
  const [before, fromMs] = [changes, performance.now()]
  const frames = await traceFrames(browser, page, act)
  return { ...frames, changesPerS: Math.round((changes - before) / ((performance.now() - fromMs) / 1000)) }
}
