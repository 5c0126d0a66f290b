import { expect } from '@playwright/test'
import type { PowerFlow } from '#contract/api.ts'
import { test, type Web } from './support/web.ts'

/** Number of the cycle on screen. */
async function shownCycle({ page }: Web): Promise<number> {
  const text = (await page.getByText(/^Cycle /).textContent()) ?? ''
  return Number(/Cycle ([\d\s]+?) at/.exec(text)?.[1]?.replaceAll(/\s/g, ''))
}

const flowOf = ({ frames }: Web, cycle: number): PowerFlow | undefined =>
  frames.flatMap((frame) => (frame.type === 'power-flow' && frame.data.cycle === cycle ? [frame.data] : []))[0]

test('shows the powers of the newest cycle, and what goes in comes out', async ({ web }) => {
  await web.open('/site')
  const { page } = web
  const balance = page.getByText(/ in = /)
  await expect(balance).toBeVisible()
  const [, input, output] = /([\d.]+)\s*kW in = ([\d.]+)\s*kW out/.exec((await balance.textContent()) ?? '') ?? []
  expect(input).toBe(output)
  // The number on screen is that of the frame on screen.
  await expect(async () => {
    const cycle = await shownCycle(web)
    const flow = flowOf(web, cycle)
    expect(flow).toBeDefined()
    const shown = await page.locator('article.load .power').textContent()
    expect(await shownCycle(web)).toBe(cycle)
    expect(Number(/[\d.]+/.exec(shown ?? '')?.[0])).toBeCloseTo((flow?.load.powerW ?? Number.NaN) / 1000, 1)
  }).toPass()
})

test('goes on by itself, one cycle after the other', async ({ web }) => {
  await web.open('/site')
  const first = await shownCycle(web)
  await expect.poll(() => shownCycle(web)).toBeGreaterThan(first + 1)
})

test('gives each setpoint with its reason', async ({ web }) => {
  await web.open('/site')
  const setpoints = web.page.getByRole('list', { name: 'Setpoints' })
  await expect(setpoints).toContainText(/Battery (charges|discharges|holds)/)
  await expect(setpoints).toContainText(/\.\s*$|\./)
  await expect(setpoints.getByRole('img', { name: /^Setpoint .* allowed/ })).toBeVisible()
})

test('draws 15 minutes from the store and tells the values under the cursor', async ({ web }) => {
  await web.open('/site')
  const chart = web.page.getByRole('img', { name: /^Power in kW/ })
  await expect(chart.locator('canvas')).toBeVisible()
  await expect(web.page.locator('.trends .legend b').first()).toHaveText(/\d/)
  const box = (await chart.boundingBox())!
  await web.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
  await expect(web.page.locator('.trends')).toContainText(/at \d\d:\d\d:\d\d/)
  await web.page.mouse.move(10, 10)
  await expect(web.page.locator('.trends')).not.toContainText(/at \d\d:\d\d:\d\d/)
})

test('says which limit binds, and why', async ({ web }) => {
  await web.rewriteFrames((message) => {
    if (message.type !== 'power-flow') return message
    const limits = message.data.limits.map((limit) => ({ ...limit, binding: limit.id === 'battery.charge' }))
    const setpoints = message.data.setpoints.map((setpoint) => ({
      ...setpoint,
      reasons: [
        { rule: 'battery-charge-limit', tier: 'physical' as const, text: 'the battery can charge at most 6000 W' },
        { rule: 'self-consumption', tier: 'economic' as const, text: 'covers 7200 W of grid export' },
      ],
    }))
    return { ...message, data: { ...message.data, limits, setpoints } }
  })
  await web.open('/site')
  const limits = web.page.locator('.limits')
  await expect(limits.locator('.lead')).toContainText('Battery: charge holds the plan back.')
  await expect(limits.locator('.lead')).toContainText('The battery can charge at most 6000 W.')
  await expect(limits.locator('li', { hasText: 'binds' })).toHaveCount(1)
  await expect(web.page.getByRole('list', { name: 'Setpoints' })).toContainText('Covers 7200 W of grid export.')
  await web.expectAccessible()
})

test('shows a missing power as a dash with its reason, a stale one with its age, never as 0', async ({ web }) => {
  let seen = 0
  await web.rewriteFrames((message) => {
    if (message.type !== 'power-flow') return message
    seen += 1
    if (seen < 3) return message
    const { grid, pv, load } = message.data
    const { powerW: _grid, ...gridRest } = grid
    const { powerW: _pv, ...pvRest } = pv
    const { powerW: _load, ...loadRest } = load
    return {
      ...message,
      data: {
        ...message.data,
        grid: { ...gridRest, quality: 'stale', reason: 'no answer for 4 s' },
        pv: { ...pvRest, quality: 'bad', reason: 'illegal data address' },
        load: { ...loadRest, quality: 'bad', reason: 'solar is not measured' },
      },
    }
  })
  await web.open('/site')
  const { page } = web
  await expect(page.locator('article.solar')).toContainText('Illegal data address')
  await expect(page.locator('article.solar .power')).toHaveText(/^—/)
  await expect(page.locator('article.grid .power')).toHaveText(/\d/)
  await expect(page.locator('article.grid')).toContainText(/last value .* ago: No answer for 4 s/)
  await expect(page.getByText('Balance not known')).toBeVisible()
  await expect(page.getByText('The load cannot be computed: solar is not measured.')).toBeVisible()
  await web.expectAccessible()
})
