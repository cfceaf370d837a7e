"""The page's CSS: readable line widths, the reader's light or dark colour scheme, and rules for print."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #fdfdfb; --soft: #ececf0;
  --good: 0 114 178; --bad: 213 94 0 }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8ea; --paper: #17181b; --soft: #2a2c31 } }
body { margin: 0 auto; padding: 1.5rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere } h2 { margin-top: 2.5rem; font-size: 1.2rem }
dl { display: grid; grid-template-columns: repeat(2, 1fr); gap: .75rem; margin: 0 }
dl div:last-child:nth-child(odd) { grid-column: 1 / -1 }
dl div { background: var(--soft); border-radius: .5rem; padding: .6rem .8rem }
dt { font-size: .85rem } dd { margin: 0; font-size: 1.35rem; font-weight: 600 }
figure { margin: 1rem 0 .25rem } figcaption { font-size: .9rem }
svg { display: block; width: 100%; max-width: 46rem; height: auto; font: 12px system-ui, sans-serif }
svg text:not([fill]) { fill: currentColor }
summary { cursor: pointer; padding: .25rem 0 }
@media (min-width: 62rem) {
  dl { grid-template-columns: repeat(var(--across), 1fr) }
  dl div:last-child:nth-child(odd) { grid-column: auto }
  main { display: grid; grid-template-columns: 1fr 1fr; gap: 0 2rem }
  section { min-width: 0 } section.whole { grid-column: 1 / -1 }
}
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .9rem }
caption { text-align: left; padding: .25rem 0; font-size: .9rem }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid var(--soft) }
th[scope=row] { text-align: left; font-weight: 500 }
.confusion th[scope=col] { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left;
  padding: .6rem .25rem }
.confusion td.right { background: rgb(var(--good) / calc(var(--share) * .5)) }
.confusion td.wrong { background: rgb(var(--bad) / calc(var(--share) * .5)) }
.confusion .corner { vertical-align: bottom; font-size: .8rem }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1rem; padding: 0;
  list-style-position: inside }
.cards li { background: var(--soft); border-radius: .5rem; padding: .8rem } .cards p { margin: .4rem 0 }
.cards img { display: block; max-width: 100%; height: auto; border-radius: .25rem; margin-top: .4rem }
.small { font-size: .85rem }
@media print { details > * { display: block } .cards li { break-inside: avoid } }
"""
