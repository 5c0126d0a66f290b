import type { SetupStep } from '#contract/setup.ts'

/** The pages of the wizard: its steps, and the files at the end. */
export const setupPages = [
  'installation',
  'devices',
  'grids',
  'economics',
  'network',
  'controllers',
  'accounts',
  'license',
  'review',
] as const satisfies readonly (SetupStep | 'review')[]
export type SetupPage = (typeof setupPages)[number]
