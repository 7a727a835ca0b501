import Testing

@testable import Gateway

@Suite struct StatusPageTests {
    @Test func page_hasEverything_withoutAnyScript() {
        let html = StatusPage(StatusExample.status).html
        let withoutScript = html.replacing(#/<script>[\s\S]*<\/script>/#, with: "")
        for text in [
            "infra0.example.com:2379", "unreachable; next probe in 3.0s", "_etcd-client._tcp.example.com",
            "deactivated endpoint", "address=infra1:2379 error=unreachable", "127.0.0.1:23790", "1.2.3", "1h2m",
            "1 of 2",
            "<noscript><meta http-equiv=\"refresh\"",
        ] {
            #expect(withoutScript.contains(text), "\(text)")
        }
    }

    @Test func page_needsNothingFromElsewhere() {
        let html = StatusPage(StatusExample.status).html
        let addresses = html.matches(of: #/(?:src|href|url|fetch)\s*[=(]\s*["']([^"']*)/#).map { String($0.output.1) }
        #expect(Set(addresses) == ["data:,", "/status"])
        let links = html.matches(of: #/https?:\/\/[^"' ]*/#).map { String($0.output) }
        #expect(Set(links) == ["http://www.w3.org/2000/svg"], "a name, which nobody fetches")
    }

    @Test func textOfOthers_isNoMarkup() {
        var status = StatusExample.status
        status.endpoints[0].reason = "<script>alert(1)</script>&\"'"
        status.events[0].line.message = "<img src=x>"
        status.discovery?.names[0].error = "</table>"
        let html = StatusPage(status).html
        #expect(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39;"))
        #expect(!html.contains("<img") && html.components(separatedBy: "<script>").count == 2)
        #expect(html.components(separatedBy: "</table>").count == 4)
    }

    @Test func script_neverMakesMarkupOfText() {
        #expect(!StatusPage.script.contains("innerHTML") && !StatusPage.script.contains("document.write"))
    }
}

extension String {
    fileprivate func components(separatedBy text: String) -> [Substring] {
        split(separator: text, omittingEmptySubsequences: false)
    }
}
