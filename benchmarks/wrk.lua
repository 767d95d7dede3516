-- The requests of the wrk scenarios and wrk's result as one JSON line.
-- The name of the request comes after `--` on wrk's command line; it is built once, so wrk sends it as a constant.

local requests = {
    plain = function() end,

    -- What a current browser sends for a page: twelve fields, about 700 bytes.
    browser = function()
        wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
        wrk.headers["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
        wrk.headers["Accept-Language"] = "en-GB,en;q=0.7,de;q=0.3"
        wrk.headers["Accept-Encoding"] = "gzip, deflate, br, zstd"
        wrk.headers["Referer"] = "https://example.org/section/page?query=benchmark"
        wrk.headers["Cookie"] = "session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes"
        wrk.headers["Connection"] = "keep-alive"
        wrk.headers["Upgrade-Insecure-Requests"] = "1"
        wrk.headers["Sec-Fetch-Dest"] = "document"
        wrk.headers["Sec-Fetch-Mode"] = "navigate"
        wrk.headers["Sec-Fetch-Site"] = "same-origin"
        wrk.headers["Priority"] = "u=0, i"
    end,

    echo = function()
        wrk.method = "POST"
        wrk.headers["Content-Type"] = "application/octet-stream"
        wrk.body = string.rep("x", 16384)
    end,
}

function init(arguments)
    requests[arguments[1]]()
end

function done(summary, latency)
    local errors = summary.errors
    print(string.format(
        '{"requests": %d, "seconds": %.6f, "bytes": %d, "p50": %.1f, "p99": %.1f, "bad_status": %d, "broken": %d, "timeouts": %d}',
        summary.requests, summary.duration / 1e6, summary.bytes,
        latency:percentile(50), latency:percentile(99),
        errors.status, errors.connect + errors.read + errors.write, errors.timeout))
end
