/**
 * The table of browsers: the names and the programs of each browser on Linux, macOS and Windows.
 */
import type { Browser } from '../profile/excludes.js';

export interface KnownBrowser {
  /** Name of the browser for the user's choice. */
  name: string;
  title: string;
  kind: Browser;
  /** Programs in PATH. */
  commands: readonly string[];
  /** Paths on Linux. */
  linux: readonly string[];
  /** The path in a folder of applications of macOS. */
  mac: string;
  /** The path in a folder of programs of Windows. */
  windows: string;
  snap?: string;
  flatpak: string;
  /**
   * The folders of the browser's versions: a pattern in Playwright's cache, and a name in
   * Puppeteer's.
   */
  playwright?: RegExp;
  puppeteer?: string;
}

/** The browsers, with the preferred browser first. */
export const knownBrowsers: readonly KnownBrowser[] = [
  {
    name: 'chromium',
    title: 'Chromium',
    kind: 'chromium',
    commands: ['chromium', 'chromium-browser'],
    linux: ['/usr/lib/chromium/chromium'],
    mac: 'Chromium.app/Contents/MacOS/Chromium',
    windows: 'Chromium/Application/chrome.exe',
    snap: 'chromium',
    flatpak: 'org.chromium.Chromium',
    playwright: /^chromium-\d+$/,
    puppeteer: 'chromium',
  },
  {
    name: 'chrome',
    title: 'Chrome',
    kind: 'chromium',
    commands: ['google-chrome', 'google-chrome-stable'],
    linux: ['/opt/google/chrome/chrome'],
    mac: 'Google Chrome.app/Contents/MacOS/Google Chrome',
    windows: 'Google/Chrome/Application/chrome.exe',
    flatpak: 'com.google.Chrome',
    puppeteer: 'chrome',
  },
  {
    name: 'edge',
    title: 'Edge',
    kind: 'chromium',
    commands: ['microsoft-edge', 'microsoft-edge-stable'],
    linux: ['/opt/microsoft/msedge/msedge'],
    mac: 'Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
    windows: 'Microsoft/Edge/Application/msedge.exe',
    flatpak: 'com.microsoft.Edge',
  },
  {
    name: 'brave',
    title: 'Brave',
    kind: 'chromium',
    commands: ['brave-browser', 'brave-browser-stable', 'brave'],
    linux: ['/opt/brave.com/brave/brave'],
    mac: 'Brave Browser.app/Contents/MacOS/Brave Browser',
    windows: 'BraveSoftware/Brave-Browser/Application/brave.exe',
    snap: 'brave',
    flatpak: 'com.brave.Browser',
  },
  {
    name: 'firefox',
    title: 'Firefox',
    kind: 'firefox',
    commands: ['firefox', 'firefox-esr'],
    linux: ['/usr/lib/firefox/firefox', '/opt/firefox/firefox'],
    mac: 'Firefox.app/Contents/MacOS/firefox',
    windows: 'Mozilla Firefox/firefox.exe',
    snap: 'firefox',
    flatpak: 'org.mozilla.firefox',
    playwright: /^firefox-\d+$/,
    puppeteer: 'firefox',
  },
];

/** The program in the folder of a downloaded version, on any platform. */
export const downloadedPrograms: Readonly<Record<Browser, readonly string[]>> = {
  chromium: [
    ...['chrome-linux64/chrome', 'chrome-linux/chrome', 'chrome-linux-arm64/chrome', 'chrome-win64/chrome.exe', 'chrome-win/chrome.exe'],
    ...['arm64', 'x64'].map((cpu) => `chrome-mac-${cpu}/Google Chrome for Testing.app/Contents/MacOS/Google Chrome for Testing`),
    'chrome-mac/Chromium.app/Contents/MacOS/Chromium',
  ],
  firefox: [
    ...['firefox/firefox', 'firefox/firefox.exe', 'core/firefox.exe'],
    ...['Firefox', 'Firefox Nightly', 'Nightly', 'firefox/Nightly'].map((app) => `${app}.app/Contents/MacOS/firefox`),
  ],
};
