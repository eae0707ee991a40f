#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "include/hoglet/env.h"
#include "include/hoglet/http_message.h"
#include "include/hoglet/token_directory.h"
#include "src/api/flag_document.h"
#include "src/api/json_fields.h"
#include "src/api/product_fields.h"
#include "src/api/rest.h"
#include "src/http/router.h"
#include "src/metadata/object_store.h"

namespace hoglet {

// The products that SDKs fetch: early access features, surveys, web experiments. Each leans on
// feature flags; this is what they share:
//   GET, POST          /api/projects/:id/<product>/        list (search, limit, offset), create
//   GET, PATCH, DELETE /api/projects/:id/<product>/:id/    DELETE is for good
//   GET                .../activity/, .../:id/activity/
//   GET                /api/<public>/?token=               by a project's token, for SDKs
// An object is stored as the JSON of its members, `id` first, with the ids of flags and users.
// Thread-safe.
class ProductApi {
 public:
  // All outlive the API.
  struct Parts {
    Env* env = nullptr;
    const ProjectDirectory* projects = nullptr;
    ObjectStore* objects = nullptr;
  };

  virtual ~ProductApi() = default;
  virtual void AddRoutes(HttpRouter* router);

 protected:
  struct Kind {
    ObjectKind kind;
    bool has_uuid;               // what `id` is; otherwise a number
    std::string path;            // "/surveys"
    std::string scope;           // "survey"
    std::string activity_scope;  // "Survey"
    std::string public_path;     // "/api/surveys"
  };
  ProductApi(const Parts& parts, Kind kind) : parts_(parts), kind_(std::move(kind)) {}

  // One change of one object.
  struct Edit {
    const JsonFields& body;  // what the client sent
    Saving saving;
    int64_t row_id;  // of the object in the store
    ChangeAuthor author;
    ObjectStore::Transaction* transaction;

    bool is_new() const { return saving == Saving::kCreate; }
  };
  // Does what the body says to the object, whose id and times are set, and to its flags.
  virtual std::optional<FieldError> Apply(const Edit& edit, JsonFields* fields) const = 0;
  // Lets go of the flags of an object that is about to be removed.
  virtual void Release(const Edit& edit, const JsonFields& fields) const = 0;
  // The object as its owners see it.
  virtual void Show(const JsonFields& fields, const Objects& flags, JsonWriter* json) const = 0;

  // Which answer a request of an SDK asks for, a small number; most products have one.
  virtual uint32_t PublicChoice(const HttpRequest& request) const { return (void)request, 0; }
  // The whole body of that answer.
  virtual std::string PublicJson(TeamId team_id, uint32_t choice) const = 0;

  // The object of the path's `id`, parsed.
  std::optional<JsonFields> FindObject(const RestCall& call) const;
  static HttpResponse NotFound();
  // Every object in the order of making, parsed.
  std::vector<JsonFields> AllObjects(TeamId team_id) const;
  // Another object whose member has that JSON.
  bool IsTaken(const Edit& edit, std::string_view member, std::string_view json) const;
  // The members as they are stored; null for those that are not.
  static void CopyFields(const JsonFields& fields, std::initializer_list<std::string_view> names,
                         JsonWriter* json);

  const Parts parts_;
  const Kind kind_;

 private:
  struct PublicAnswer {
    uint64_t version = 0;  // of the store
    int64_t until_us = 0;
    std::shared_ptr<const std::string> json;
  };

  HttpResponse List(const RestCall& call) const;
  HttpResponse Get(const RestCall& call) const;
  HttpResponse Save(const RestCall& call, Saving saving) const;
  HttpResponse Remove(const RestCall& call) const;
  HttpResponse ActivityOfObject(const RestCall& call) const;
  HttpResponse Public(const HttpRequest& request) const;

  std::optional<FieldError> Write(const Edit& edit, const ObjectJson& before,
                                  JsonFields* fields) const;
  // Where in `objects` the object of the path is; 0: nowhere.
  int64_t RowOf(const RestCall& call, const Objects& objects) const;
  HttpResponse Answer(int status, TeamId team_id, const JsonFields& fields) const;

  mutable std::mutex public_mutex_;
  mutable std::map<std::pair<TeamId, uint32_t>, PublicAnswer> public_answers_;
};

// What SDKs get of each product from a server that keeps no objects.
void AddEmptyProductRoutes(HttpRouter* router);

}  // namespace hoglet
