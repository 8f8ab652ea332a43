// Docker 1.5 without its daemon: its own graph, registry, archive and engine packages, driven from a command line. Images
// live in a folder (graph/ holds their JSON, vfs/dir/ their unpacked trees), as they did under /var/lib/docker.
//
//	docker-1.5 ROOT load FOLDER NAME     registers FOLDER/ID/json and FOLDER/ID/layer, and the tags of FOLDER/tags.json
//	docker-1.5 ROOT tag ID NAME TAG      gives an image one more name
//	docker-1.5 ROOT push NAME TAG        what `docker push` does; an empty TAG pushes all
//	docker-1.5 ROOT pull NAME TAG        what `docker pull` does; an empty TAG pulls all
//	docker-1.5 ROOT fetch NAME FOLDER    asks as a pull does, and keeps the bytes: what load reads
//	docker-1.5 ROOT login ADDRESS USER PASSWORD
//	docker-1.5 ROOT search TERM
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/Sirupsen/logrus"
	"github.com/docker/docker/daemon/graphdriver"
	_ "github.com/docker/docker/daemon/graphdriver/vfs"
	"github.com/docker/docker/dockerversion"
	"github.com/docker/docker/engine"
	"github.com/docker/docker/graph"
	"github.com/docker/docker/image"
	"github.com/docker/docker/pkg/reexec"
	"github.com/docker/docker/registry"
	"github.com/docker/libtrust"
)

type docker struct {
	engine *engine.Engine
	graph  *graph.Graph
	tags   *graph.TagStore
}

func main() {
	// Layers are unpacked by this very program, started anew in a chroot.
	if reexec.Init() {
		return
	}
	dockerversion.VERSION, dockerversion.GITCOMMIT = "1.5.0", "a8a31ef"
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println("Docker", dockerversion.VERSION)
		return
	}
	logrus.SetOutput(os.Stderr)
	http.DefaultTransport = plain{http.DefaultTransport}
	if os.Getenv("DOCKER_DEBUG") != "" {
		logrus.SetLevel(logrus.DebugLevel)
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// plain sends what Docker sends without a name of its own, the login, under the name of its compiler's library.
type plain struct{ http.RoundTripper }

func (p plain) RoundTrip(request *http.Request) (*http.Response, error) {
	named := request.Clone(request.Context())
	if named.Header.Get("User-Agent") == "" {
		named.Header.Set("User-Agent", "Go 1.1 package http")
	}
	return p.RoundTripper.RoundTrip(named)
}

func run(words []string) error {
	if len(words) < 3 {
		return errors.New("usage: docker-1.5 ROOT load|tag|push|pull|fetch|login|search …")
	}
	d, err := open(words[0])
	if err != nil {
		return err
	}
	command, rest := words[1], append(words[2:], "", "")
	switch command {
	case "load":
		return d.load(rest[0], rest[1])
	case "tag":
		return d.tags.Set(rest[1], rest[2], rest[0], true)
	case "push":
		return d.run("push", []string{rest[0]}, map[string]interface{}{"tag": rest[1], "authConfig": registry.AuthConfig{}})
	case "pull":
		return d.pull(rest[0], rest[1])
	case "fetch":
		return d.fetch(rest[0], rest[1])
	case "login":
		login := registry.AuthConfig{Username: rest[1], Password: rest[2], Email: "who@example.com", ServerAddress: rest[0]}
		return d.run("auth", nil, map[string]interface{}{"authConfig": login})
	case "search":
		return d.run("search", []string{rest[0]}, nil)
	}
	return fmt.Errorf("no such command: %s", command)
}

// open builds what the daemon built at its start, without containers.
func open(root string) (*docker, error) {
	driver, err := graphdriver.GetDriver("vfs", root, nil)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, err
	}
	images, err := graph.NewGraph(filepath.Join(root, "graph"), driver)
	if err != nil {
		return nil, err
	}
	key, err := libtrust.GenerateECP256PrivateKey()
	if err != nil {
		return nil, err
	}
	tags, err := graph.NewTagStore(filepath.Join(root, "repositories.json"), images, key)
	if err != nil {
		return nil, err
	}
	eng := engine.New()
	eng.Logging = false
	if err := registry.NewService(nil).Install(eng); err != nil {
		return nil, err
	}
	if err := tags.Install(eng); err != nil {
		return nil, err
	}
	// The daemon wrote down what was pulled.
	eng.Register("log", func(*engine.Job) engine.Status { return engine.StatusOK })
	return &docker{eng, images, tags}, nil
}

// run runs a job of the engine, as the command line made the daemon run it; what it says goes to standard output.
func (d *docker) run(name string, words []string, variables map[string]interface{}) error {
	job := d.engine.Job(name, words...)
	for key, value := range variables {
		if text, isText := value.(string); isText {
			job.Setenv(key, text)
		} else if err := job.SetenvJson(key, value); err != nil {
			return err
		}
	}
	job.Stdout.Add(os.Stdout)
	job.Stderr.Add(os.Stderr)
	return job.Run()
}

func (d *docker) pull(name, tag string) error {
	words := []string{name}
	if tag != "" {
		words = append(words, tag)
	}
	return d.run("pull", words, map[string]interface{}{"authConfig": registry.AuthConfig{}, "parallel": "1"})
}

func (d *docker) load(folder, name string) error {
	text, err := os.ReadFile(filepath.Join(folder, "tags.json"))
	if err != nil {
		return err
	}
	tags := map[string]string{}
	if err := json.Unmarshal(text, &tags); err != nil {
		return err
	}
	for tag, id := range tags {
		if err := d.register(folder, id); err != nil {
			return err
		}
		if err := d.tags.Set(name, tag, id, true); err != nil {
			return err
		}
	}
	return nil
}

// register takes an image and, before it, its ancestors.
func (d *docker) register(folder, id string) error {
	if d.graph.Exists(id) {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(folder, id, "json"))
	if err != nil {
		return err
	}
	img, err := image.NewImgJSON(text)
	if err != nil {
		return err
	}
	if img.Parent != "" {
		if err := d.register(folder, img.Parent); err != nil {
			return err
		}
	}
	layer, err := os.Open(filepath.Join(folder, id, "layer"))
	if err != nil {
		return err
	}
	defer layer.Close()
	return d.graph.Register(img, layer)
}

// fetch sends the requests of a pull of all tags, one after the other, and keeps what comes.
func (d *docker) fetch(name, folder string) error {
	info, err := registry.NewServiceConfig(nil).NewRepositoryInfo(name)
	if err != nil {
		return err
	}
	endpoint, err := info.GetEndpoint()
	if err != nil {
		return err
	}
	if endpoint.Version != registry.APIVersion1 {
		return fmt.Errorf("%s speaks another version of the protocol to Docker 1.5", endpoint)
	}
	session, err := registry.NewSession(&registry.AuthConfig{}, registry.HTTPRequestFactory(nil), endpoint, true)
	if err != nil {
		return err
	}
	data, err := session.GetRepositoryData(info.RemoteName)
	if err != nil {
		return err
	}
	tags, err := session.GetRemoteTags(data.Endpoints, info.RemoteName, data.Tokens)
	if err != nil {
		return err
	}
	text, err := json.Marshal(tags)
	if err != nil {
		return err
	}
	for _, id := range tags {
		if err := fetchChain(session, data, id, folder); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(folder, "tags.json"), text, 0o600)
}

func fetchChain(session *registry.Session, data *registry.RepositoryData, top, folder string) error {
	endpoint := data.Endpoints[0]
	history, err := session.GetRemoteHistory(top, endpoint, data.Tokens)
	if err != nil {
		return err
	}
	for i := len(history) - 1; i >= 0; i-- {
		place := filepath.Join(folder, history[i])
		if _, err := os.Stat(place); err == nil {
			continue
		}
		text, size, err := session.GetRemoteImageJSON(history[i], endpoint, data.Tokens)
		if err != nil {
			return err
		}
		if img, err := image.NewImgJSON(text); err != nil || img.ID != history[i] {
			return fmt.Errorf("the JSON of %s is none that Docker 1.5 takes: %v", history[i], err)
		}
		if err := os.MkdirAll(place, 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(place, "json"), text, 0o600); err != nil {
			return err
		}
		layer, err := session.GetRemoteImageLayer(history[i], endpoint, data.Tokens, int64(size))
		if err != nil {
			return err
		}
		file, err := os.Create(filepath.Join(place, "layer"))
		if err != nil {
			return err
		}
		if count, err := io.Copy(file, layer); err != nil || count != int64(size) {
			return fmt.Errorf("the layer of %s: %d bytes of %d: %v", history[i], count, size, err)
		}
		layer.Close()
		file.Close()
	}
	return nil
}
