/** The screens under Settings, by the names of their routes, in the order of their tabs. */
export const settingsTabs = ['deploy', 'setup', 'access', 'license', 'backup'] as const
