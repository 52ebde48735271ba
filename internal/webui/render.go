package webui

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

//go:embed render.css
var renderCSS string

var (
	// markdown leaves out HTML that stands in the text, and links that are scripts.
	markdown = goldmark.New(goldmark.WithExtensions(extension.GFM))

	renderPage = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<title>Rendered Markdown</title>
<base target="_blank">
<style nonce="{{.Nonce}}">{{.CSS}}</style>
</head>
<body class="{{.Class}}" data-theme="{{.Theme}}">
<main>{{.Content}}</main>
</body>
</html>
`))
)

// maxMarkdown bounds the text to be rendered, in bytes. Summaries and details of workflows are
// shorter.
const maxMarkdown = 64 << 10

// render makes a page of the Markdown that users describe their workflows with. The
// pages show it in a frame, which may do nothing at all: the text is not to be trusted.
func render(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	content := query.Get("content")
	if len(content) > maxMarkdown {
		http.Error(w, fmt.Sprintf("the text has more than %d bytes", maxMarkdown), http.StatusRequestEntityTooLarge)
		return
	}
	var rendered bytes.Buffer
	if err := markdown.Convert([]byte(content), &rendered); err != nil {
		http.Error(w, "the text cannot be rendered", http.StatusBadRequest)
		return
	}
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce) // it never fails
	page := struct {
		Nonce, Class, Theme string
		CSS                 template.CSS
		Content             template.HTML
	}{
		Nonce:   hex.EncodeToString(nonce),
		Class:   "prose",
		Theme:   query.Get("theme"),
		CSS:     template.CSS(renderCSS),
		Content: template.HTML(rendered.String()),
	}
	if override := query.Get("overrideTheme"); page.Theme != "" && override != "" {
		page.Theme += "-" + override
	}
	if inline := query.Get("inline") == "true"; inline || query.Get("compact") == "true" {
		page.Class += " compact"
		if inline {
			page.Class += " inline"
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", fmt.Sprintf("base-uri 'self'; default-src 'none'; style-src 'nonce-%s'; frame-ancestors 'self'; form-action 'none'; "+
		"sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox", page.Nonce))
	_ = renderPage.Execute(w, page)
}
