import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect } from '@playwright/test'
import { parse } from 'yaml'
import { test } from './support/web.ts'

const sample = resolve(import.meta.dirname, '../unit/setup/sample-answers.yaml')

test('what is set up beside a running site goes to the Deploy screen, and changes nothing before', async ({ web }) => {
  test.setTimeout(120_000)
  const { page, service } = web
  const answers: unknown = parse(readFileSync(sample, 'utf8'))
  await service.ask('PUT', 'api/v1/setup/answers', { revision: '', answers })
  await web.open('/setup/review')
  await expect(page.locator('pre')).toContainText('name: Depot Nord')
  await page.getByRole('button', { name: 'edge.yaml' }).click()
  await expect(page.locator('pre')).toContainText('listen: 0.0.0.0:8443')
  await web.expectAccessible()
  await page.getByRole('button', { name: 'Review and deploy' }).click()
  await expect(page).toHaveURL(/#\/deploy/)
  await page.screenshot({ path: 'tests/app/results/setup-deploy.png' })
  const { site } = await service.ask<{ site: string }>('GET', 'api/v1/status')
  expect(site).not.toBe('Depot Nord')
  await service.ask('DELETE', 'api/v1/setup/answers')
})
