module docker-1.5

go 1.21

require (
	github.com/Sirupsen/logrus v0.6.0
	github.com/docker/docker v1.5.0
	github.com/docker/libtrust v0.0.0-20160708172513-aabc10ec26b7
)

require (
	github.com/docker/libcontainer v1.4.0 // indirect
	github.com/gorilla/mux v1.8.1 // indirect
	github.com/tchap/go-patricia v1.0.1 // indirect
)

replace github.com/docker/docker => ./docker
