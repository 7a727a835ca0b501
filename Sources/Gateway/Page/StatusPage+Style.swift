extension StatusPage {
    /// How the page looks: light or dark as the reader's system is, in one column where there is no room for two.
    static let style = """
        :root{--paper:#f6f7f9;--card:#fff;--ink:#1b2330;--soft:#5c6878;--line:#dfe3e8;--good:#1a7f4b;--warn:#9a6200;
        --bad:#c22f2f;--up:#2f6fd0;--down:#a3468f}
        @media (prefers-color-scheme:dark){:root{--paper:#12161c;--card:#1b212a;--ink:#e6eaf0;--soft:#9aa6b5;
        --line:#2e3744;--good:#4cc38a;--warn:#e2a83b;--bad:#ff6f6a;--up:#6ea8ff;--down:#e08fd0}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.45 system-ui,sans-serif}
        header,main{max-width:1280px;margin:0 auto;padding:0 20px}
        header{display:flex;flex-wrap:wrap;gap:4px 16px;align-items:center;padding-top:20px}
        h1{font-size:1.4rem;margin:0}
        h1 small{font-weight:400;color:var(--soft)}
        header p{margin:0}
        #ready{padding:1px 12px;border-radius:99px;color:var(--card);font-weight:600;background:var(--bad)}
        #ready.good{background:var(--good)}
        .about{flex-basis:100%;color:var(--soft);overflow-wrap:anywhere}
        #connection{color:var(--bad);font-weight:600}
        h2{font-size:1rem;margin:0 0 8px}
        section,.tiles{margin:16px 0}
        section:not(.charts),.charts figure,.tiles>div{background:var(--card);border:1px solid var(--line);
        border-radius:10px;padding:14px 16px}
        .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px}
        dt{color:var(--soft);font-size:.85rem}
        dd{margin:0;font-size:1.45rem;font-variant-numeric:tabular-nums}
        .charts{display:grid;grid-template-columns:1fr 1fr;gap:12px}
        .charts[hidden]{display:none}
        figure{margin:0;min-width:0}
        figure.wide{grid-column:1/-1}
        figcaption{display:flex;flex-wrap:wrap;gap:2px 14px;margin-bottom:8px;font-weight:600}
        figcaption output{font-weight:400;color:var(--ink);font-variant-numeric:tabular-nums}
        .key{font-weight:400;color:var(--soft)}
        .key::before{content:"";display:inline-block;width:.7em;height:.7em;margin-right:.4em;border-radius:2px}
        .key.up::before{background:var(--up)}.key.down::before{background:var(--down)}
        .key.good::before{background:var(--good)}.key.bad::before{background:var(--bad)}
        .key.untried::before{background:var(--soft)}.key.leaving::before{background:var(--warn)}
        svg{display:block;width:100%;height:120px;overflow:visible}
        svg .grid{stroke:var(--line)}
        svg text{fill:var(--soft);font-size:11px}
        svg path{fill:none;stroke-width:2;stroke-linejoin:round}
        .line-up{stroke:var(--up)}.line-down{stroke:var(--down)}.line-sessions{stroke:var(--good)}
        .row{display:grid;grid-template-columns:minmax(90px,260px) 1fr;gap:10px;align-items:center;padding:2px 0}
        .row span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;font-size:.85rem}
        .row svg{height:14px;overflow:hidden;border-radius:3px;background:var(--line)}
        rect.good{fill:var(--good)}rect.untried{fill:var(--soft)}
        rect.down,rect.unresolved{fill:var(--bad)}rect.missing,rect.draining{fill:var(--warn)}
        .scroll{overflow-x:auto}
        table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
        th{text-align:left;color:var(--soft);font-weight:500;font-size:.8rem}
        th,td{padding:5px 14px 5px 0;border-bottom:1px solid var(--line);white-space:nowrap;vertical-align:top}
        tr:last-child td{border-bottom:0}
        td[data-of=Why],td[data-of="Of whom"],td[data-of=What],td[data-of=Error]{white-space:normal;min-width:12em}
        .state{font-weight:600;color:var(--soft)}
        .state.good,.state.fine{color:var(--good)}
        .state.down,.state.unresolved,.state.failing,.state.error{color:var(--bad)}
        .state.missing,.state.draining,.state.untried,.state.warning{color:var(--warn)}
        @media (max-width:720px){
        header,main{padding-left:12px;padding-right:12px}
        .charts{grid-template-columns:1fr}
        .tiles{grid-template-columns:1fr 1fr}
        .tiles>div:first-child{grid-column:1/-1}
        thead{display:none}
        tr{display:block;padding:6px 0;border-bottom:1px solid var(--line)}
        tr:last-child{border:0}
        td,tr:last-child td{display:flex;gap:12px;padding:1px 0;border:0;white-space:normal;overflow-wrap:anywhere}
        td::before{content:attr(data-of);flex:0 0 5.5em;color:var(--soft);font-size:.85rem}
        td:empty{display:none}
        .row{grid-template-columns:1fr;gap:1px;padding:4px 0}
        }
        """
}
