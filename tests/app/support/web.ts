import { AxeBuilder } from '@axe-core/playwright'
import { expect, type Page, test as base, type WebSocketRoute } from '@playwright/test'
import { type LiveMessage, liveMessage } from '#contract/live.ts'
import { type RunningService, signIn, startService } from './service.ts'

export const themes = ['light', 'dark', 'field'] as const
export type Theme = (typeof themes)[number]

/** Changes what the service sends before the page gets it: the real frames, with something gone wrong in them. */
export type Rewrite = (message: LiveMessage) => LiveMessage

export interface Web {
  readonly page: Page
  readonly service: RunningService
  /** Every frame of the live socket so far. */
  readonly frames: readonly LiveMessage[]
  /** Opens a screen by its address after #, in a theme if one is named, signed in, and waits until it is live. */
  open(path: string, theme?: Theme): Promise<void>
  /** From the next socket on, every frame goes through `rewrite`. */
  rewriteFrames(rewrite: Rewrite): Promise<void>
  /** Sends a frame of our own to the page; needs `rewriteFrames` before. */
  send(message: LiveMessage): void
  /** Fails with what axe finds in the page as it is now. */
  expectAccessible(): Promise<void>
}

/**
 * One service per worker; per test a page that may not log an error, break the content security policy or send a frame
 * outside the contract.
 */
export const test = base.extend<{ web: Web }, { service: RunningService }>({
  service: [
    // oxlint-disable-next-line eslint/no-empty-pattern -- Playwright reads the wanted fixtures from this pattern
    async ({}, use) => {
      await using service = await startService()
      await use(service)
    },
    { scope: 'worker' },
  ],
  web: async ({ page, service }, use) => {
    const complaints: string[] = []
    const frames: LiveMessage[] = []
    let routed: WebSocketRoute | undefined
    page.on('pageerror', (error) => complaints.push(error.stack ?? error.message))
    page.on('console', (message) => {
      // Chromium itself reports requests that are refused or that nobody answers; tests that cause them expect them.
      const expected = /^Failed to load resource|^WebSocket connection to/.test(message.text())
      if (['error', 'warning'].includes(message.type()) && !expected) complaints.push(message.text())
    })
    page.on('websocket', (socket) =>
      socket.on('framereceived', ({ payload }) => {
        const parsed = liveMessage.safeParse(JSON.parse(String(payload)))
        if (parsed.success) frames.push(parsed.data)
        else complaints.push(`frame outside the contract: ${parsed.error.message} in ${String(payload).slice(0, 300)}`)
      }),
    )
    // What a test before has armed.
    await service.ask('DELETE', 'api/v1/armed')
    let signedIn = false
    await use({
      page,
      service,
      frames,
      async open(path, theme) {
        if (theme) {
          const saved = JSON.stringify({ theme })
          await page.addInitScript((text) => localStorage.setItem('r-ems.preferences', text), saved)
        }
        if (!signedIn) await signIn(page, service.url)
        signedIn = true
        await page.goto(`${service.url}/#${path}`)
        await expect(page.locator('main')).toHaveAttribute('data-live', 'true')
      },
      rewriteFrames: (rewrite) =>
        page.routeWebSocket(/\/api\/v1\/live$/, (socket) => {
          routed = socket
          const server = socket.connectToServer()
          server.onMessage((text) => {
            const message = liveMessage.parse(JSON.parse(String(text)))
            frames.push(message)
            socket.send(JSON.stringify(rewrite(message)))
          })
        }),
      send: (message) => routed?.send(JSON.stringify(message)),
      async expectAccessible() {
        const { violations } = await new AxeBuilder({ page }).analyze()
        const found = violations.flatMap(({ id, nodes }) =>
          nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`),
        )
        expect(found).toEqual([])
      },
    })
    expect(complaints).toEqual([])
  },
})
