/**
 * Preferences of a person's Firefox that differ from its own defaults. A first start opens no page
 * of Mozilla in addition to that of the session, and reports nothing. A profile does not store
 * defaults.
 */
export const firefoxDefaults: Readonly<Record<string, boolean>> = {
  'browser.aboutwelcome.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
};
