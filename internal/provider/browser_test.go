package provider_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// browser is one page in a headless Chromium, which is controlled through a pipe
// (https://chromedevtools.github.io/devtools-protocol).
type browser struct {
	to      *os.File
	from    *bufio.Reader
	session string
	last    int
}

// browserOn opens a page. It skips the test if there is no Chromium.
func browserOn(t *testing.T, page string) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium is on PATH, so no browser opens the page; Debian's package chromium makes this run")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "report.html")
	must(t, os.WriteFile(file, []byte(page), 0o600))
	commands, to, err := os.Pipe()
	must(t, err)
	from, answers, err := os.Pipe()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), path, "--headless", "--no-sandbox", "--disable-gpu",
		"--disable-dev-shm-usage",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--remote-debugging-pipe")
	cmd.ExtraFiles = []*os.File{commands, answers} // file descriptors 3 and 4
	must(t, cmd.Start())
	must(t, commands.Close())
	must(t, answers.Close())
	b := &browser{to: to, from: bufio.NewReaderSize(from, 1<<20)}
	t.Cleanup(func() {
		_ = to.Close() // Chromium ends with its pipe
		_ = from.Close()
		_ = cmd.Wait()
	})
	must(t, from.SetReadDeadline(time.Now().Add(time.Minute)))
	target := b.call(t, "Target.createTarget", map[string]any{"url": "file://" + file})
	b.session, _ = b.call(t, "Target.attachToTarget", map[string]any{"targetId": target["targetId"],
		"flatten": true})["sessionId"].(string)
	b.call(t, "Emulation.setScrollbarsHidden", map[string]any{"hidden": true})
	b.until(t, `document.readyState === "complete" && !!document.getElementById("count")?.textContent`)
	return b
}

// call sends one command and returns its result.
func (b *browser) call(t *testing.T, method string, params map[string]any) map[string]any {
	t.Helper()
	b.last++
	text, err := json.Marshal(map[string]any{"id": b.last, "method": method, "params": params, "sessionId": b.session})
	if b.session == "" {
		text, err = json.Marshal(map[string]any{"id": b.last, "method": method, "params": params})
	}
	must(t, err)
	_, err = b.to.Write(append(text, 0))
	must(t, err)
	for {
		line, err := b.from.ReadBytes(0)
		must(t, err)
		var answer struct {
			ID     int
			Result map[string]any
			Error  *struct{ Message string }
		}
		must(t, json.Unmarshal(line[:len(line)-1], &answer))
		switch {
		case answer.ID != b.last: // an event
		case answer.Error != nil:
			t.Fatalf("%s: %s", method, answer.Error.Message)
		default:
			return answer.Result
		}
	}
}

// is returns the value of a JavaScript expression.
func (b *browser) is(t *testing.T, expression string) any {
	t.Helper()
	answer := b.call(t, "Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true})
	if wrong := answer["exceptionDetails"]; wrong != nil {
		t.Fatalf("%s: %v", expression, wrong)
	}
	value, _ := answer["result"].(map[string]any)
	return value["value"]
}

// until waits until a JavaScript expression is true.
func (b *browser) until(t *testing.T, expression string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); b.is(t, expression) != true; {
		if time.Now().After(end) {
			t.Fatalf("it never holds: %s", expression)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// press presses and releases a key.
func (b *browser) press(t *testing.T, key string) {
	t.Helper()
	code := map[string]int{"Tab": 9, "Enter": 13}[key]
	down := map[string]any{"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code}
	if key == "Enter" {
		down["text"] = "\r"
	}
	b.call(t, "Input.dispatchKeyEvent", down)
	b.call(t, "Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "code": key,
		"windowsVirtualKeyCode": code})
}

// looks sets the width of the window and the colour scheme, and returns a picture of the upper part of the page.
func (b *browser) looks(t *testing.T, width int, scheme string) []byte {
	t.Helper()
	b.call(t, "Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 1150,
		"deviceScaleFactor": 1, "mobile": false})
	b.call(t, "Emulation.setEmulatedMedia",
		map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}})
	text, _ := b.call(t, "Page.captureScreenshot", map[string]any{"format": "png"})["data"].(string)
	picture, err := base64.StdEncoding.DecodeString(text)
	must(t, err)
	return picture
}

// The report can be used with the keyboard alone, and fits a desktop and a phone in both colour schemes. REPORT_IMAGES
// names a folder for the pictures: access-report.png in it is the picture in the guide.
func TestAccessReportInABrowser(t *testing.T) {
	t.Parallel()
	w, managed := exampleCompany(t)
	c := reportExample(t, w)
	c.Env["TF_VAR_managed"] = managed
	outputs, _ := reported(t, w, c)
	b := browserOn(t, outputs["report"])

	for _, look := range []struct {
		name   string
		width  int
		scheme string
	}{{"access-report", 1180, "light"}, {"dark", 1180, "dark"}, {"narrow", 390, "light"},
		{"narrow-dark", 390, "dark"}} {
		picture := b.looks(t, look.width, look.scheme)
		if over := b.is(t, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over != 0.0 {
			t.Errorf("%s: the page is %v wider than its window", look.name, over)
		}
		dark := b.is(t, `getComputedStyle(document.body).backgroundColor.match(/\d+/g).every((c) => c < 128)`)
		if dark != (look.scheme == "dark") {
			t.Errorf("%s: that the page is dark is %v", look.name, dark)
		}
		if folder := os.Getenv("REPORT_IMAGES"); folder != "" {
			must(t, os.WriteFile(filepath.Join(folder, look.name+".png"), picture, 0o600))
		}
	}
	b.looks(t, 1180, "light")

	// Tab reaches every element once, in the order of the page, with the skip link first.
	const focused = `((e) => e.id || e.textContent.trim() || e.getAttribute("aria-labelledby"))(document.activeElement)`
	var order []string
	for range 60 {
		b.press(t, "Tab")
		if b.is(t, "document.activeElement === document.body") == true { // back at the start of the page
			break
		}
		order = append(order, fmt.Sprint(b.is(t, focused)))
	}
	got := strings.Join(order, "|")
	for _, want := range []string{"Skip to the access matrix|Not known|Changes|Matrix|By endpoint|By " +
		"principal|Groups|Tokens and secrets|find|level|only|Show all",
		"|Endpoint|Principal|Level|How|What it is|", "|Owner|Type|Comment or status|Age|Ends|Last use|Scopes"} {
		if !strings.Contains(got, want) {
			t.Errorf("Tab does not go %s, but %s", want, got)
		}
	}

	// Enter on a column's heading sorts by it, a second Enter reverses the order, and the focus stays.
	const sorted = `document.querySelectorAll("#endpoint-table th")[2].getAttribute("aria-sort") + " " + document.activeElement.textContent`
	b.is(t, `document.querySelectorAll("#endpoint-table th button")[1].focus()`)
	b.press(t, "Tab")
	for _, want := range []string{"ascending Level", "descending Level"} {
		b.press(t, "Enter")
		if got := b.is(t, sorted); got != want {
			t.Errorf("Enter on the head of Level: %v, not %s", got, want)
		}
	}
	if first := b.is(t, `document.querySelector("#endpoint-table tbody tr td:nth-child(3)").textContent`); first != "CAN_VIEW" {
		t.Errorf("sorted by level downwards, %v comes first", first)
	}
	if address := b.is(t, "location.hash"); address != "#sort-endpoint-table=2d" {
		t.Errorf("the address keeps %v", address)
	}

	// Typed text filters every table, and Show all removes the filter.
	all := b.is(t, `document.getElementById("count").textContent`)
	b.is(t, `document.getElementById("find").focus()`)
	b.call(t, "Input.insertText", map[string]any{"text": "forecast"})
	b.until(t, `document.querySelectorAll("#endpoint-table tbody tr").length > 0 &&
		[...document.querySelectorAll("#endpoint-table tbody tr")].every((r) => r.textContent.includes("forecast"))`)
	for range 3 {
		b.press(t, "Tab")
	}
	b.press(t, "Enter")
	b.until(t, fmt.Sprintf("document.getElementById('count').textContent === %q", all))
}
