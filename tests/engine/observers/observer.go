// An external extension in Go: tells each event, and at the end what the Telemetry API sent it.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

const listenAt = "sandbox.localdomain:8103"

type event struct {
	EventType      string `json:"eventType"`
	RequestID      string `json:"requestId"`
	ShutdownReason string `json:"shutdownReason"`
}

type listener struct {
	lock    sync.Mutex
	records []string
}

func (l *listener) ServeHTTP(_ http.ResponseWriter, request *http.Request) {
	var batch []struct {
		Type   string
		Record json.RawMessage
	}
	if err := json.NewDecoder(request.Body).Decode(&batch); err != nil {
		log.Fatal(err)
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	for _, item := range batch {
		var text string
		if item.Type == "function" && json.Unmarshal(item.Record, &text) == nil {
			l.records = append(l.records, strings.TrimSpace(text))
		}
	}
}

func call(method, path string, body any, name, value string) (http.Header, []byte) {
	var content []byte
	if body != nil {
		content, _ = json.Marshal(body)
	}
	request, err := http.NewRequest(method, "http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+path, bytes.NewReader(content))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set(name, value)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		log.Fatal(path, answer.Status, string(data), err)
	}
	return answer.Header, data
}

func main() {
	const identifier = "Lambda-Extension-Identifier"
	headers, _ := call("POST", "/2020-01-01/extension/register",
		map[string]any{"events": []string{"INVOKE", "SHUTDOWN"}}, "Lambda-Extension-Name", filepath.Base(os.Args[0]))
	me := headers.Get(identifier)
	heard := &listener{}
	socket, err := net.Listen("tcp", listenAt)
	if err != nil {
		log.Fatal(err)
	}
	go http.Serve(socket, heard)
	call("PUT", "/2022-07-01/telemetry", map[string]any{
		"schemaVersion": "2022-12-13", "types": []string{"function"}, "buffering": map[string]int{"timeoutMs": 25},
		"destination": map[string]string{"protocol": "HTTP", "URI": "http://" + listenAt + "/"},
	}, identifier, me)
	fmt.Println("go registered")
	for {
		_, data := call("GET", "/2020-01-01/extension/event/next", nil, identifier, me)
		var next event
		if err := json.Unmarshal(data, &next); err != nil {
			log.Fatal(err)
		}
		if next.EventType == "SHUTDOWN" {
			fmt.Println("go SHUTDOWN", next.ShutdownReason)
			heard.lock.Lock()
			fmt.Println("go heard", strings.Join(heard.records, " "))
			return
		}
		fmt.Println("go INVOKE", next.RequestID)
	}
}
