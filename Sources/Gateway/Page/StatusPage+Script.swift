extension StatusPage {
    /// Keeps the page up to date. All text of others goes through textContent: none of it can become markup.
    static let script = #"""
        "use strict";
        const kept = 300, samples = [], byId = id => document.getElementById(id);
        const make = (name, attributes, text) => {
          const isDrawing = ["svg", "path", "rect", "line", "text"].includes(name);
          const node = isDrawing ? document.createElementNS("http://www.w3.org/2000/svg", name)
            : document.createElement(name);
          for (const key in attributes || {}) node.setAttribute(key, attributes[key]);
          if (text !== undefined) node.textContent = text;
          return node;
        };
        const bytes = count => {
          const units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
          let place = 0;
          while (count >= 1000 && place < units.length - 1) { count /= 1000; place++; }
          return (place === 0 ? Math.round(count) : count.toFixed(count < 10 ? 2 : count < 100 ? 1 : 0)) + " " + units[place];
        };
        const duration = seconds => {
          if (seconds === null || seconds === undefined) return "–";
          if (seconds < 0.001) return Math.round(seconds * 1e6) + "µs";
          if (seconds < 0.01) return (seconds * 1e3).toFixed(1) + "ms";
          if (seconds < 1) return Math.floor(seconds * 1e3) + "ms";
          if (seconds < 10) return seconds.toFixed(1) + "s";
          const whole = Math.floor(seconds);
          const two = (large, unit, small, smallUnit) => large + unit + (small ? small + smallUnit : "");
          if (whole < 60) return whole + "s";
          if (whole < 3600) return two(Math.floor(whole / 60), "m", whole % 60, "s");
          if (whole < 86400) return two(Math.floor(whole / 3600), "h", Math.floor(whole / 60) % 60, "m");
          return two(Math.floor(whole / 86400), "d", Math.floor(whole / 3600) % 24, "h");
        };
        const word = value => typeof value === "string" && value.includes(" ") ? JSON.stringify(value) : value;
        const state = word => make("span", {class: "state " + word}, word);
        const fill = (id, rows) => {
          const table = byId(id);
          if (!table) return;
          const headings = [...table.querySelectorAll("th")].map(cell => cell.textContent);
          table.tBodies[0].replaceChildren(...rows.map(cells => {
            const row = make("tr");
            cells.forEach((cell, column) => {
              const box = make("td", {"data-of": headings[column]});
              box.append(cell);
              row.append(box);
            });
            return row;
          }));
        };
        const why = one => {
          if (one.reason) return one.reason;
          if (one.unanswered_seconds >= 0.5) return "has not answered for " + duration(one.unanswered_seconds);
          return one.last_error ? duration(one.last_error_age_seconds) + " ago: " + one.last_error : "";
        };
        const showTables = status => {
          fill("endpoints", status.endpoints.map(one => [
            one.endpoint, state(one.state), one.role, duration(one.state_seconds), one.priority, one.weight,
            one.sessions, bytes(one.bytes_up), bytes(one.bytes_down), duration(one.dial_seconds),
            one.probe + (one.probing ? " now" : one.next_probe_seconds === null ? ""
              : " in " + duration(one.next_probe_seconds)),
            why(one)]));
          fill("names", (status.discovery ? status.discovery.names : []).map(one => [
            one.name, one.type, state(one.state), one.records, duration(one.age_seconds),
            one.next_refresh_seconds === null ? "now" : "in " + duration(one.next_refresh_seconds), one.error || ""]));
          const now = Date.parse(status.time);
          fill("events", status.events.slice().reverse().map(one => [
            one.time.slice(11, 19), duration(Math.max(0, (now - Date.parse(one.time)) / 1000)), state(one.level),
            one.message, Object.entries(one.fields).map(([key, value]) => key + "=" + word(value)).join(" ")]));
        };
        const showHead = status => {
          const good = status.endpoints.filter(one => one.state === "good" || one.state === "untried").length;
          byId("version").textContent = status.version;
          byId("ready").textContent = status.stopping ? "stopping" : status.ready ? "ready" : "not ready";
          byId("ready").className = status.ready ? "good" : "down";
          byId("about").textContent = "up " + duration(status.uptime_seconds) + ", policy " + status.policy
            + ", listening on " + status.listeners.join(", ");
          byId("tile-endpoints").textContent = good + " of " + status.endpoints.length;
          byId("tile-sessions").textContent = status.traffic.sessions;
          byId("tile-held").textContent = status.traffic.held_clients;
          byId("tile-up").textContent = bytes(status.traffic.bytes_up);
          byId("tile-down").textContent = bytes(status.traffic.bytes_down);
          document.title = (status.ready ? "" : "! ") + "etcd-gateway " + good + "/" + status.endpoints.length;
        };
        const chart = (id, least, lines, format) => {
          const drawing = byId(id), width = drawing.clientWidth || 600, height = 120, left = 64, bottom = 14;
          const most = Math.max(least, ...lines.flatMap(line => line.values));
          const x = place => left + (width - left) * (kept - 1 - place) / (kept - 1);
          const y = value => 6 + (height - bottom - 6) * (1 - value / most);
          drawing.setAttribute("viewBox", "0 0 " + width + " " + height);
          const parts = [0, 0.5, 1].flatMap(part => [
            make("line", {class: "grid", x1: left, x2: width, y1: y(most * part), y2: y(most * part)}),
            make("text", {x: 0, y: y(most * part) + 4}, format(most * part))]);
          parts.push(make("text", {x: left, y: height}, "5 min ago"),
            make("text", {x: width, y: height, "text-anchor": "end"}, "now"));
          for (const line of lines) {
            const count = line.values.length;
            const points = line.values.map((value, place) => x(count - 1 - place).toFixed(1) + " " + y(value).toFixed(1));
            if (count) parts.push(make("path", {class: line.name, d: "M" + points.join("L")}));
          }
          drawing.replaceChildren(...parts);
        };
        const showCharts = () => {
          document.querySelector(".charts").hidden = false;
          const rates = name => samples.slice(1).map((one, place) => {
            const before = samples[place], seconds = Math.max(0.001, (one.at - before.at) / 1000);
            return Math.max(0, (one[name] - before[name]) / seconds);
          });
          const up = rates("up"), down = rates("down"), last = list => list.length ? list[list.length - 1] : 0;
          chart("throughput", 1000, [{name: "line-up", values: up}, {name: "line-down", values: down}], count => bytes(count));
          chart("sessions", 4, [{name: "line-sessions", values: samples.map(one => one.sessions)}],
            count => count < 10 && count % 1 ? count.toFixed(1) : Math.round(count));
          byId("rate-up").textContent = bytes(last(up)) + "/s";
          byId("rate-down").textContent = bytes(last(down)) + "/s";
          byId("count").textContent = last(samples).sessions;
        };
        const showTimeline = () => {
          const names = Object.keys(samples[samples.length - 1].states);
          byId("timeline").replaceChildren(...names.map(name => {
            const row = make("div", {class: "row"}), drawing = make("svg", {viewBox: "0 0 " + kept + " 1"});
            drawing.setAttribute("preserveAspectRatio", "none");
            for (let start = 0; start < samples.length;) {
              const word = samples[start].states[name];
              let end = start + 1;
              while (end < samples.length && samples[end].states[name] === word) end++;
              if (word) {
                const box = make("rect", {class: word, x: kept - samples.length + start, width: end - start, height: 1});
                drawing.append(box);
              }
              start = end;
            }
            row.append(make("span", {title: name}, name), drawing);
            return row;
          }));
        };
        let process = null, isAsking = false;
        const look = async () => {
          if (isAsking) return;
          isAsking = true;
          try {
            const answer = await fetch("/status", {cache: "no-store", signal: AbortSignal.timeout(4000)});
            const status = await answer.json();
            if (status.schema !== 1) throw new Error("the gateway is of another release: load the page again");
            if (status.process !== process) { samples.length = 0; process = status.process; }
            samples.push({at: Date.parse(status.time), up: status.traffic.bytes_up, down: status.traffic.bytes_down,
              sessions: status.traffic.sessions,
              states: Object.fromEntries(status.endpoints.map(one => [one.endpoint, one.state]))});
            if (samples.length > kept) samples.shift();
            showHead(status);
            showTables(status);
            showCharts();
            showTimeline();
            byId("connection").textContent = "";
          } catch (error) {
            byId("connection").textContent = "no answer from the gateway: what is shown is old (" + error.message + ")";
          } finally {
            isAsking = false;
          }
        };
        look();
        setInterval(look, 1000);
        addEventListener("resize", () => { if (samples.length) showCharts(); });
        """#
}
